"""Checks all of the iOS app that can be checked without Apple's tools.

    python -m apps.ios.toolchain.check      fetches the tools, checks style and types, runs the tests

Nothing is fetched or compiled anew until it has changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from apps.ios.toolchain.app_check import check_app
from apps.ios.toolchain.kit import build_kit
from apps.ios.toolchain.swift import APP, checked, in_chroot, swift_build
from apps.ios.toolchain.tools import Tools, fetch_tools
from rapsam.errors import RapSamError

_SOURCES = ("SegKit/Sources", "SegKit/Tests", "SegApp", "stubs")


def check_style(tools: Tools) -> str:
    """Runs Swift's own formatter over all sources.

    Raises:
        ExportError: With what it complained of.
    """
    files = [APP / "SegKit" / "Package.swift"]
    files += sorted(path for folder in _SOURCES for path in (APP / folder).rglob("*.swift"))
    # In the root folder, where a chroot begins, it finds no files.
    command: list[str | Path] = ["env", "-C", APP, "swift", "format", "lint", "--strict"]
    command += ["--configuration", APP / ".swift-format"]
    checked(in_chroot(tools, [*command, *files]), "the check of the style")
    return f"{len(files)} files"


def run_tests(tools: Tools) -> str:
    """Runs SegKit's tests.

    Raises:
        ExportError: With what they said, if one failed.
    """
    said = checked(swift_build(tools, "test"), "swift test")
    return next(line.strip() for line in reversed(said.splitlines()) if "Executed" in line)


def main() -> None:
    """Fetches what is missing, then checks."""
    try:
        tools = fetch_tools(lambda line: print(line, flush=True))
        _say("style", lambda: check_style(tools))
        _say("tests of SegKit", lambda: run_tests(tools))
        _say("release build", lambda: str(build_kit().program.name))
        _say("types of the app and of SegCoreML", lambda: f"{check_app(tools)} files")
    except RapSamError as error:
        sys.exit(f"error: {error}")


def _say(what: str, check: Callable[[], str]) -> None:
    start = time.monotonic()
    found = check()
    print(f"{what}: {found} ({time.monotonic() - start:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
