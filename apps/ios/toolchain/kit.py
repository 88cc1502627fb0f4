"""The app without Apple's frameworks: SegKit built for Linux, and its program from a photo to results."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from apps.ios.toolchain.swift import BUILD, LIBRARIES, checked, in_chroot, swift_build
from apps.ios.toolchain.tools import Tools, find_tools

_PROGRAM = "SegPath"
_CLANG = "/usr/libexec/swift/bin/clang"


class Kit(NamedTuple):
    """The program, and what it was built with; see `SegKit/Sources/SegPath`."""

    program: Path
    tools: Tools

    def run(
        self, *arguments: str | Path, folders: Sequence[Path], preload: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs the program.

        Args:
            arguments: Of it.
            folders: That they lie in.
            preload: A library that takes its place before all others.
        """
        variables = {"LD_LIBRARY_PATH": f"{self.tools.onnx_runtime}:{LIBRARIES}"}
        variables |= {"LD_PRELOAD": str(preload)} if preload else {}
        return in_chroot(self.tools, [self.program, *arguments], folders=folders, environment=variables)


def build_kit() -> Kit:
    """Builds what has changed, as a release; the tools are there.

    Raises:
        ExportError: With what the compiler said.
    """
    tools = find_tools()
    checked(swift_build(tools, "build", "--configuration", "release", "--product", _PROGRAM), "swift build")
    return Kit(BUILD / "swift" / "release" / _PROGRAM, tools)


def counting_library(kit: Kit, folder: Path) -> Path:
    """Builds what counts the bytes that a program takes from the heap; see `Kit.run`.

    Args:
        kit: With the compiler.
        folder: Where to.

    Raises:
        ExportError: With what the compiler said.
    """
    library = folder / "counting.so"
    source = Path(__file__).with_name("counting.c")
    command: list[str | Path] = [_CLANG, "-O2", "-fno-builtin", "-shared", "-fPIC", "-Wall", "-Werror"]
    command += [source, "-o", library]
    checked(in_chroot(kit.tools, command, folders=[folder]), "clang")
    return library
