"""What is native code of the app's own: a stand-in for fbjni, compiled for Android without Google's NDK."""

from __future__ import annotations

import shutil
from pathlib import Path

from apps.android.toolchain.commands import run
from apps.android.toolchain.tools import program
from rapsam.errors import UnavailableError

_FOLDER = Path(__file__).resolve().parents[1] / "fbjni" / "src" / "main" / "cpp"
SOURCES = (_FOLDER / "fbjni.cpp", _FOLDER / "texts.h")
"""The first includes the others."""
FBJNI = "libfbjni.so"
_COMPILERS = ("clang", "ld.lld", "javac")
_TARGETS = {"arm64-v8a": "aarch64-linux-android26", "x86_64": "x86_64-linux-android26"}
_OF_ANDROID = ("c", "dl")
"""Libraries of Android that it takes functions from; here they are empty."""
_LINK = ("-nostdlib", "-shared", "-fuse-ld=lld", "-Wl,--build-id=none", "-Wl,--no-as-needed")
_PAGES = "-Wl,-z,max-page-size=16384"
_COMPILE = (
    "-std=c++17",
    "-O2",
    "-fPIC",
    "-fvisibility=hidden",
    "-fno-exceptions",
    "-fno-rtti",
    "-funwind-tables",  # what others throw passes through
    "-nostdlibinc",
    "-Wall",
    "-Wextra",
    "-Werror",
)


def missing_compilers() -> str | None:
    """Says what lacks to build it, and what to do; None if nothing."""
    missing = [name for name in _COMPILERS if shutil.which(name) is None]
    if not missing and not (_headers() / "jni.h").is_file():
        missing = [f"jni.h in {_headers()}"]
    if not missing:
        return None
    return (
        f"there is no {' and no '.join(missing)} for ExecuTorch; install clang, lld and a JDK, "
        "version 17 or later"
    )


def _headers() -> Path:
    """Returns the folder of the JDK's headers for C."""
    return Path(program("javac", "a JDK, version 17 or later")).resolve().parents[1] / "include"


def build_fbjni(abi: str, folder: Path) -> Path:
    """Builds what ExecuTorch's library needs between C++ and Java.

    Args:
        abi: The binary interface.
        folder: For the library, and for what it is made of.

    Returns:
        The library, in the folder.

    Raises:
        UnavailableError: If a compiler is missing.
        ExportError: With what it said.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if missing := missing_compilers():
        raise UnavailableError(missing)
    clang = ["clang", f"--target={_TARGETS[abi]}"]
    empty = folder / "stdio.h"  # jni.h asks for it, and uses nothing of it
    empty.write_text("")
    for name in _OF_ANDROID:
        library = folder / f"lib{name}.so"
        run([*clang, *_LINK, f"-Wl,-soname,{library.name}", "-o", library, "-x", "c", empty])
    java = _headers()
    command: list[str | Path] = [*clang, *_COMPILE, *_LINK, _PAGES, f"-Wl,-soname,{FBJNI}"]
    command += ["-isystem", folder, "-isystem", java, "-isystem", java / "linux", "-L", folder]
    target = folder / FBJNI
    run([*command, "-o", target, "-x", "c++", SOURCES[0], *(f"-l{name}" for name in _OF_ANDROID)])
    return target
