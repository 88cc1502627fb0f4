"""The program for a device: our C source, compiled when it is needed, and ONNX Runtime's library."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.runners.adb.ort_library import find_library
from rapsam.benchmarks.runners.android.tool import last_words
from rapsam.errors import UnavailableError, quoted
from rapsam.files import write_atomic
from rapsam.user_cache import user_cache

SOURCE = Path(__file__).resolve().parent.parent / "native"
PROGRAM = "rapsam-bench"
TARGETS = {"arm64-v8a": "aarch64-linux-android26", "x86_64": "x86_64-linux-android26"}
"""Binary interfaces that can be compiled for, with clang's names; Android 8 is the first that is served."""
_NDK_VARIABLES = ("ANDROID_NDK_HOME", "ANDROID_NDK_ROOT", "ANDROID_NDK")
_STUBS = "bionic_stubs.c"
_COMMON = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIE", "-pie")
_ANDROID = ("-fuse-ld=lld", "-Wl,-z,max-page-size=16384", "-Wl,-z,noexecstack")
_BARE = (
    *("-DRAPSAM_NO_NDK", "-ffreestanding", "-nostdlibinc", "-nostdlib", "-fno-stack-protector"),
    *("-Wl,--dynamic-linker=/system/bin/linker64", "-Wl,--hash-style=both"),
)
_STUB = ("-shared", "-fPIC", "-nostdlib", "-ffreestanding", "-fno-builtin", "-w", "-fuse-ld=lld")
_COMPILE_S = 120.0
_NO_COMPILER = (
    "no compiler for Android: set ANDROID_NDK_HOME to an NDK, or install clang and lld, as in "
    "apt-get install clang lld"
)


class DeviceProgram(NamedTuple):
    """What is pushed beside the graphs.

    Attributes:
        executable: Our program.
        library: ONNX Runtime.
        built_by: The compiler, in words.
    """

    executable: Path
    library: Path
    built_by: str


def android_program(abis: Sequence[str], environment: Mapping[str, str] = os.environ) -> DeviceProgram:
    """Finds or makes the program for an Android device.

    Args:
        abis: The binary interfaces that it runs, preferred first.
        environment: Names an NDK and a library, if there are.

    Raises:
        UnavailableError: If it runs none that can be made, or compiler or library cannot be had.
    """
    abi = next((abi for abi in abis if abi in TARGETS), None)
    if abi is None:
        runs = ", ".join(quoted(abi) for abi in abis[:8]) or "nothing, as it says"
        raise UnavailableError(
            f"the device runs {runs}; expected {' or '.join(TARGETS)}: take a 64-bit phone"
        )
    compiler, is_ndk = _compiler(environment)
    words = "the NDK's clang" if is_ndk else "clang without an NDK"
    return DeviceProgram(_built(compiler, abi, is_ndk=is_ndk), find_library(abi, environment), words)


def sources() -> list[Path]:
    """Lists the C files of the program."""
    return [path for path in sorted(SOURCE.glob("*.c")) if path.name != _STUBS]


def compile_program(compiler: str, flags: Sequence[str], target: Path, libraries: Sequence[str] = ()) -> None:
    """Compiles the program.

    Args:
        compiler: Name or path.
        flags: Beside those that every build has.
        target: Where it goes.
        libraries: What it is linked with, last.

    Raises:
        UnavailableError: With the compiler's reason.
    """
    _call([compiler, *_COMMON, *flags, "-o", str(target), *map(str, sources()), *libraries])


def _built(compiler: str, abi: str, *, is_ndk: bool) -> Path:
    """Compiles, unless the same compiler has compiled the same source before."""
    parts = [compiler, _version(compiler), abi, str(is_ndk), *_COMMON, *_ANDROID, *_BARE]
    files = sorted(SOURCE.glob("*.[ch]"))
    content = b"\0".join([*(part.encode() for part in parts), *(path.read_bytes() for path in files)])
    target = user_cache() / "rapsam" / "android" / hashlib.sha256(content).hexdigest()[:32] / PROGRAM
    if not target.is_file():
        with tempfile.TemporaryDirectory() as scratch:
            made = Path(scratch, PROGRAM)
            flags = [f"--target={TARGETS[abi]}", *_ANDROID]
            if is_ndk:
                compile_program(compiler, flags, made, ("-ldl",))
            else:
                _make_stubs(compiler, flags[0], Path(scratch))
                compile_program(compiler, [*flags, *_BARE, f"-L{scratch}"], made, ("-ldl", "-lc"))
            write_atomic(target, made.read_bytes())
    return target


def _make_stubs(compiler: str, target: str, folder: Path) -> None:
    """Makes libraries that have the names and the version of Android's, and nothing in them."""
    names = folder / "names.map"
    names.write_text("LIBC { global: *; };\n")
    for library, flags in (("libc.so", ()), ("libdl.so", ("-DRAPSAM_STUB_LIBDL",))):
        options = [*_STUB, *flags, f"-Wl,-soname,{library}", f"-Wl,--version-script={names}"]
        _call([compiler, target, *options, "-o", str(folder / library), str(SOURCE / _STUBS)])


def _compiler(environment: Mapping[str, str]) -> tuple[str, bool]:
    """Finds a compiler: that of an NDK that is named, else the system's; and tells which it is."""
    for variable in _NDK_VARIABLES:
        if folder := environment.get(variable):
            found = sorted(Path(folder).glob("toolchains/llvm/prebuilt/*/bin/clang"))
            if not found:
                raise UnavailableError(f"{variable} names {folder}, which is no NDK: it has no clang")
            return str(found[0]), True
    clang = shutil.which("clang", path=environment.get("PATH"))
    if clang is None or shutil.which("ld.lld", path=environment.get("PATH")) is None:
        raise UnavailableError(_NO_COMPILER)
    return clang, False


def _version(compiler: str) -> str:
    return _call([compiler, "--version"]).partition("\n")[0]


def _call(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_COMPILE_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"{command[0]} does not work: {last_words(str(error))}") from error
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
        raise UnavailableError(f"{command[0]} cannot compile the program for the device: {last_words(first)}")
    return done.stdout
