"""The build tools, kept in the user's cache: Swift in a chroot, and ONNX Runtime."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from apps.android.toolchain.downloads import Download, fetch
from rapsam.errors import UnavailableError, printable, shortened
from rapsam.files import atomic_folder
from rapsam.user_cache import user_cache

FOLDER_VARIABLE = "RAPSAM_IOS_TOOLS"
HOW = "run: make ios-check"
RELEASE = "trixie"
"""Of Debian, which has the compiler."""
SWIFT = "6.0.3"

_MAKER = "mmdebstrap"
_PACKAGES = "swiftlang,libc6-dev,libstdc++-14-dev"
_PROGRAMS = (_MAKER, "unshare", "chroot", "npm")
ISOLATED = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child")
"""What a command runs in: its own mounts, processes, and no network."""
_PATIENCE_S, _QUERY_S = 1800, 60
_IOS = "package/Plugins/iOS~/onnxruntime.xcframework/ios-arm64/onnxruntime.framework"
_HEADERS = ("onnxruntime_c_api.h", "onnxruntime_ep_c_api.h", "onnxruntime_error_code.h")

ONNX_RUNTIME = Download(
    "npm",
    "com.github.asus4.onnxruntime",
    "0.4.9",
    "e59788788818fdde1b2e522e766a21ba0f7d8391de55737abf81e32cc801785d",
    150,
    {
        "package/Plugins/Linux/x64/libonnxruntime.so": "libonnxruntime.so.1",
        **{f"{_IOS}/Headers/{name}": name for name in _HEADERS},
    },
)
"""Microsoft's ONNX Runtime 1.29.0: headers of its framework for iOS, and that version's library for Linux."""

Say = Callable[[str], None]


class Tools(NamedTuple):
    """Where the tools are.

    Attributes:
        swift: Root of the file system in which the compiler runs.
        onnx_runtime: Folder of ONNX Runtime's headers and library.
    """

    swift: Path
    onnx_runtime: Path


def find_tools() -> Tools:
    """Returns where the tools are, or would be: below `RAPSAM_IOS_TOOLS`, or in the user's cache.

    Raises:
        UnavailableError: See `user_cache`.
    """
    chosen = os.environ.get(FOLDER_VARIABLE)
    root = Path(chosen) if chosen else user_cache() / "rapsam" / "ios-tools"
    # Another version is another folder: nothing is ever changed in place.
    package = f"{ONNX_RUNTIME.package}-{ONNX_RUNTIME.sha256[:12]}"
    return Tools(root / f"swift-{SWIFT}-{RELEASE}", root / package)


def missing() -> str | None:
    """Says what lacks to build and test the app's code, and what to do; None if nothing."""
    if os.geteuid() != 0:
        return "Swift runs in a chroot, which takes root"
    if not all(place.is_dir() for place in find_tools()):
        return f"the tools to build the iOS app's code are not there yet; {HOW}"
    return _confined()


def _confined() -> str | None:
    """Says why no command can be isolated here, as in many containers; None if it can."""
    try:
        done = called([*ISOLATED, "mount", "--make-rprivate", "/"], _QUERY_S)
    except UnavailableError as error:
        return str(error)
    if done.returncode == 0:
        return None
    reason = shortened(printable(done.stderr.strip() or f"exit code {done.returncode}"))
    return f"Swift runs in a chroot with mounts of its own, which this machine does not allow: {reason}"


def called(
    command: list[str], patience_s: float, *, what: str | None = None, cwd: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a command, which reads nothing.

    Args:
        command: Program and arguments.
        patience_s: Seconds after which it is ended.
        what: Its name for messages; None for the program's.
        cwd: Folder to run it in; None for this one.

    Raises:
        UnavailableError: If its program is not there, or it does not end in time.
    """
    try:
        return subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=patience_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise UnavailableError(f"{command[0]} is not installed; {HOW}, which names what it needs") from error
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(
            f"{what or command[0]} did not end within {patience_s:g} s; run it again when this machine has "
            "less to do"
        ) from error


def fetch_tools(say: Say) -> Tools:
    """Fetches what is not there yet.

    Args:
        say: Told what is fetched.

    Raises:
        UnavailableError: If that is not possible here, or gives another version than is known.
    """
    tools = find_tools()
    if all(place.is_dir() for place in tools):
        return tools
    if os.geteuid() != 0:
        raise UnavailableError(
            "Swift runs in a chroot, which takes root; run this as root, as in a container"
        )
    lost = [name for name in _PROGRAMS if shutil.which(name) is None]
    if lost:
        raise UnavailableError(
            f"{', '.join(lost)} is not installed; install it, as with apt-get install {_MAKER}"
        )
    confined = _confined()
    if confined is not None:
        raise UnavailableError(f"{confined}; run this where it may, as in a privileged container")
    if not tools.onnx_runtime.is_dir():
        say(f"fetching {ONNX_RUNTIME}")
        with atomic_folder(tools.onnx_runtime) as folder:
            fetch(ONNX_RUNTIME, folder)
            (folder / "libonnxruntime.so").symlink_to("libonnxruntime.so.1")
    if not tools.swift.is_dir():
        say(f"making a chroot of Debian {RELEASE} with Swift {SWIFT} (2.7 GB on disk, some minutes)")
        with atomic_folder(tools.swift) as folder:
            _make_chroot(folder)
    return tools


def _make_chroot(folder: Path) -> None:
    """Makes the chroot; apt compares every package with the digests that Debian signs."""
    command = [_MAKER, "--variant=minbase", f"--include={_PACKAGES}", RELEASE, str(folder)]
    done = called(command, _PATIENCE_S)
    if done.returncode != 0:
        complaints = [line for line in done.stderr.splitlines() if line.startswith("E: ")]
        reason = complaints[0].removeprefix("E: ") if complaints else f"exit code {done.returncode}"
        raise UnavailableError(f"{_MAKER} cannot make the chroot: {shortened(printable(reason))}")
    command = ["chroot", str(folder), "dpkg-query", "--show", "--showformat=${Version}", "swiftlang"]
    told = called(command, _QUERY_S).stdout
    if not told.startswith(f"{SWIFT}-"):
        found = shortened(printable(told.strip()))
        raise UnavailableError(
            f"Debian gives another Swift than is known ({found}); expected {SWIFT}: take a newer toolkit"
        )
