"""Runs Swift on Linux: in a chroot, where the app's sources and what a run needs are at their own places."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from apps.ios.toolchain.tools import ISOLATED, Tools, called
from rapsam.errors import ExportError, printable, shortened
from rapsam.locks import one_at_a_time

APPS = Path(__file__).resolve().parents[2]
APP = APPS / "ios"
BUILD = APP / "build"
_PATIENCE_S = 900.0
_TRIES = 2
_HOME = "/tmp"
_DEVICES = ("null", "zero", "random", "urandom")
LIBRARIES = "/usr/libexec/swift/lib/swift/linux"


def in_chroot(
    tools: Tools,
    command: Sequence[str | Path],
    *,
    folders: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
    patience_s: float = _PATIENCE_S,
) -> subprocess.CompletedProcess[str]:
    """Runs a command where Swift is, without any network; what it starts ends with it.

    Args:
        tools: Where that is.
        command: Program and arguments.
        folders: That it reads and writes, beside the apps of this repository and ONNX Runtime.
        environment: Variables.
        patience_s: Seconds after which it is ended.

    Raises:
        UnavailableError: If it was, or cannot be isolated.
    """
    what = shortened(printable(shlex.join(map(str, command))))
    words = isolated(tools, command, folders=folders, environment=environment)
    return called(words, patience_s, what=what, cwd="/")


def isolated(
    tools: Tools,
    command: Sequence[str | Path],
    *,
    folders: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """Returns what runs a command as `in_chroot` does, from the folder `/`."""
    variables = {"PATH": "/usr/bin:/bin", "HOME": _HOME, "LANG": "C.UTF-8", **(environment or {})}
    words = [f"{name}={value}" for name, value in variables.items()]
    inner = shlex.join(["chroot", str(tools.swift), "/usr/bin/env", "-i", *words, *map(str, command)])
    script = f"{_mounts(tools, [APPS, tools.onnx_runtime, *folders])}\nexec {inner}"
    return [*ISOLATED, "sh", "-ec", script]


def checked(done: subprocess.CompletedProcess[str], what: str) -> str:
    """Returns what a command said.

    Raises:
        ExportError: With what it said, if it failed.
    """
    if done.returncode != 0:
        raise ExportError(f"{what} failed:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def _mounts(tools: Tools, folders: Sequence[Path]) -> str:
    """Returns a script that brings folders into the chroot, under their own names, for one process alone."""
    root = shlex.quote(str(tools.swift))
    lines = ["mount --make-rprivate /", f"mount -t proc proc {root}/proc"]
    # Above the chroot's own folders, so that nothing stays in them; of this machine's devices no others are
    # seen.
    lines += [f"mount -t tmpfs tmpfs {root}/{folder}" for folder in ("dev", "tmp")]
    for device in _DEVICES:
        lines += [f"touch {root}/dev/{device}", f"mount --bind /dev/{device} {root}/dev/{device}"]
    for folder in dict.fromkeys(folder.resolve() for folder in folders):
        place = shlex.quote(f"{tools.swift}{folder}")
        lines += [f"mkdir -p {place}", f"mount --bind {shlex.quote(str(folder))} {place}"]
    return "\n".join(lines)


def swift_build(
    tools: Tools, *arguments: str, folders: Sequence[Path] = ()
) -> subprocess.CompletedProcess[str]:
    """Runs a command of the package manager on SegKit, as in ("test",) or ("build", "-c", "release")."""
    library = tools.onnx_runtime
    verb, *others = arguments
    words: list[str | Path] = ["swift", verb, "--package-path", APP / "SegKit"]
    words += [
        "--scratch-path",
        BUILD / "swift",
        "-Xswiftc",
        "-warnings-as-errors",
        "-Xcc",
        f"-I{library}",
        "-Xlinker",
        f"-L{library}",
    ]
    variables = {"LD_LIBRARY_PATH": f"{library}:{LIBRARIES}"}
    # SwiftPM's own lock lies among the temporary files, which no two runs here share.
    with one_at_a_time(BUILD, _PATIENCE_S):
        for _ in range(_TRIES):
            done = in_chroot(tools, [*words, *others], folders=folders, environment=variables)
            # SwiftPM itself crashed once in some dozen runs; what a program of ours does comes back as 1.
            if done.returncode >= 0:
                break
    return done
