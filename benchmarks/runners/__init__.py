"""Where bundles can be timed. A runner is added by a file and a line in `RUNNERS`."""

from __future__ import annotations

from rapsam.benchmarks.runners.adb.runner import AdbRunner
from rapsam.benchmarks.runners.adb_app.runner import AdbAppRunner
from rapsam.benchmarks.runners.base import DeviceRunner
from rapsam.benchmarks.runners.browser.runner import BrowserRunner
from rapsam.benchmarks.runners.ios.runner import IosRunner
from rapsam.benchmarks.runners.local import LocalRunner
from rapsam.benchmarks.runners.qemu_arm64.runner import QemuArm64Runner
from rapsam.errors import unknown_name

RUNNERS: dict[str, DeviceRunner] = {
    "local": LocalRunner(),
    "adb": AdbRunner(),
    "adb-app": AdbAppRunner(),
    "browser": BrowserRunner(),
    "qemu-arm64": QemuArm64Runner(),
    "ios": IosRunner(),
}


def find_runner(text: str) -> tuple[DeviceRunner, str | None]:
    """Finds a runner by what a user writes, "NAME" or "NAME:DEVICE".

    Returns:
        The runner, and the device that is meant; None for its only one.

    Raises:
        InputError: If there is no such runner.
    """
    name, colon, device = text.partition(":")
    if name not in RUNNERS:
        raise unknown_name("runner", name, RUNNERS)
    return RUNNERS[name], device if colon else None
