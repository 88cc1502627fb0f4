"""An app that has been built, on a Java machine: its own code, its own libraries, of either processor.

arm64 is imitated by qemu. What a phone has besides, the processor and Android itself, is not there.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from apps.android.toolchain.apk import BUNDLE
from apps.android.toolchain.bionic import build_shim, linux_library
from apps.android.toolchain.dex import UNVERIFIED, java_classes
from apps.android.toolchain.jvm import JAR, JvmApp
from apps.android.toolchain.tools import ARM64_JAVA, find_tools, place_of, program, tools_folder
from rapsam.benchmarks.runners.qemu_arm64.debian_files import unpack_debian
from rapsam.benchmarks.runners.qemu_arm64.environment import RELEASE, make_emulator
from rapsam.files import atomic_folder

_ARM64 = "arm64-v8a"
_PROCESSOR = "cortex-a76"
_CORES = 2
_CORE = """processor\t: {}
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0b
CPU revision\t: 1

"""
"""A core as arm64's kernel describes it; programs would read of this machine's otherwise, and end."""
_NATIVE = "--enable-native-access=ALL-UNNAMED"
"""That Java is newer than this machine's may be, and asks for this."""
_CODE = "classes.dex"
_TEST_PROGRAM, _OF_APP = "org/rapsam/sample/", ("org/rapsam/sample/EnginesKt.class",)
"""Where the program for tests is, and what every app has of its own there."""


def take_tests(app: JvmApp, target: Path) -> None:
    """Takes the program for tests out of an app that was not built for Android.

    Args:
        app: That one.
        target: The jar to write, whose classes call those of any app.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(app.folder / JAR) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if name.startswith(_TEST_PROGRAM) and name not in _OF_APP:
                new.writestr(name, old.read(name))


def open_app(apk: Path, abi: str, tests: Path, folder: Path, say: Callable[[str], None]) -> JvmApp:
    """Puts a built app where a Java machine runs it.

    Args:
        apk: The app, built for tests.
        abi: Its binary interface.
        tests: Those, as `take_tests` writes them.
        folder: For what is taken out; what is there is removed.
        say: Told what is fetched.

    Returns:
        The app; its folder has the libraries, and its bundle as `bundle`.

    Raises:
        RapSamError: If a tool is missing or fails.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if abi == _ARM64:
        root, emulator = _root(say), make_emulator(say)
        clang: list[str | Path] = [program("clang", "clang and lld"), "--target=aarch64-linux-gnu"]
        build_shim(folder, [*clang, f"--sysroot={root}", "-fuse-ld=lld", "-nostartfiles", "-nodefaultlibs"])
        emulated: list[str | Path] = [emulator, "-cpu", _PROCESSOR, "-L", root, "-U", "LD_PRELOAD"]
        # A compiler that is imitated itself pays for what it optimises.
        java = (
            *emulated,
            place_of(ARM64_JAVA) / "bin" / "java",
            "-XX:TieredStopAtLevel=1",
            _NATIVE,
            *UNVERIFIED,
        )
    else:
        build_shim(folder)
        java = (program("java", "a JDK, version 17 or later"), *UNVERIFIED)
    _unpack(apk, abi, folder)
    code = folder / "app.jar"
    with zipfile.ZipFile(apk) as archive:
        code.write_bytes(java_classes(archive.read(_CODE)))
    # The app's own copies of Kotlin's classes come first.
    return JvmApp(folder, (code, tests, find_tools().kotlin_library), java)


def _unpack(apk: Path, abi: str, folder: Path) -> None:
    with zipfile.ZipFile(apk) as archive:
        for name in archive.namelist():
            if name.startswith(f"lib/{abi}/"):
                (folder / Path(name).name).write_bytes(linux_library(archive.read(name)))
            elif name.startswith(BUNDLE):
                place = folder / "bundle" / name.removeprefix(BUNDLE)
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(archive.read(name))


def _root(say: Callable[[str], None]) -> Path:
    """Makes what arm64 programs see as the root of their system, unless it is there: C's library."""
    place = tools_folder() / f"arm64-{RELEASE}"
    if not place.is_dir():
        say(f"fetching C's library for arm64, of Debian {RELEASE} (40 MB)")
        with atomic_folder(place) as folder:
            unpack_debian(folder, RELEASE, ("libc6-dev",), "arm64", ("usr/lib/", "usr/include/"))
            (folder / "lib").symlink_to("usr/lib")
            (folder / "proc").mkdir()
            (folder / "proc" / "cpuinfo").write_text("".join(map(_CORE.format, range(_CORES))))
    return place
