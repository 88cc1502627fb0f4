"""Type-checks the code that needs Apple's frameworks, against our own declarations in `apps/ios/stubs`.

What it proves: the app's code is Swift 6 without a warning, fits SegKit, and names what the stubs declare.
That Apple's frameworks declare the same is read from their documentation, not proven.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from apps.ios.toolchain.swift import APP, BUILD, checked, in_chroot
from apps.ios.toolchain.tools import Tools

STUBS = (
    "CoreGraphics",
    "UIKit",
    "Darwin",
    "os",
    "CoreVideo",
    "AVFoundation",
    "CoreML",
    "SwiftUI",
    "PhotosUI",
)
"""In the order in which they build upon each other."""
_KIT = ("SegCore", "SegCoreML")
_VERSION = ("-swift-version", "6", "-warnings-as-errors")


def check_app(tools: Tools) -> int:
    """Checks SegCoreML and the app.

    Returns:
        How many files were checked.

    Raises:
        ExportError: With what the compiler said.
    """
    folder = BUILD / "stubs"
    folder.mkdir(parents=True, exist_ok=True)
    for name in STUBS:
        # As Apple's own modules are: a switch must reckon with cases that a later system adds.
        _module(tools, name, stub_sources(name), "-enable-library-evolution")
    kit = {name: kit_sources(name) for name in _KIT}
    for name, sources in kit.items():
        _module(tools, name, sources, *_VERSION)
    app = sorted((APP / "SegApp").glob("*.swift"))
    command = ["swiftc", "-typecheck", "-parse-as-library", "-module-name", "SegApp", *_VERSION]
    checked(in_chroot(tools, [*command, "-I", folder, *app]), "the type check of the app")
    return len(app) + len(kit["SegCoreML"])


def stub_sources(name: str) -> list[Path]:
    """Returns the files of one of `STUBS`: one, or all of a folder."""
    file = APP / "stubs" / f"{name}.swift"
    return [file] if file.is_file() else sorted((APP / "stubs" / name).glob("*.swift"))


def kit_sources(name: str) -> list[Path]:
    """Returns the files of a module of SegKit."""
    return sorted((APP / "SegKit" / "Sources" / name).rglob("*.swift"))


def _module(tools: Tools, name: str, sources: Sequence[Path], *options: str) -> None:
    """Compiles the interface of a module; what an earlier module declares it finds."""
    folder = BUILD / "stubs"
    command: list[str | Path] = ["swiftc", "-emit-module", "-parse-as-library", "-module-name", name]
    command += [*options, "-I", folder, "-o", folder / f"{name}.swiftmodule", *sources]
    checked(in_chroot(tools, command), f"the type check of {name}")
