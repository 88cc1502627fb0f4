"""One run of the app on the device: started, watched until it ends, whatever becomes of the cable."""

from __future__ import annotations

import time
from typing import NamedTuple

from rapsam.benchmarks.runners.adb_app.app import (
    DOCUMENTS,
    DONE_FILE,
    closed_folder,
    last_of_app,
    start_app,
    stop_app,
)
from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.android.watching import SensorLog, Watch
from rapsam.benchmarks.runners.app_contract import APP_ID, AppJob
from rapsam.benchmarks.runners.base import Progress
from rapsam.errors import UnavailableError, quoted


def make_documents(device: AdbDevice, watch: Watch) -> None:
    """Lets the app make its folder, where it has never been started: one that the shell makes it cannot read.

    Raises:
        UnavailableError: If the app does not start, or its folder does not appear.
    """
    look = f"[ -d {DOCUMENTS} ]"
    if device.shell(look).code == 0:
        return
    try:
        start_app(device, None)
        end = time.monotonic() + watch.folder_s
        while device.shell(look).code != 0:
            if time.monotonic() > end:
                raise closed_folder(device, "the app was started, and its folder did not appear")
            time.sleep(watch.look_s)
    finally:
        if not device.is_lost:
            stop_app(device)


class AppRun(NamedTuple):
    """A run that has ended; the app is there still.

    Attributes:
        sensors: What was read of heat and battery meanwhile.
        pid: Number of the app's process; None if it is gone.
    """

    sensors: SensorLog
    pid: str | None


def run_app(device: AdbDevice, job: AppJob, measured_s: float, watch: Watch, progress: Progress) -> AppRun:
    """Starts the app, and waits until it says that it has finished with this job.

    Args:
        device: Where.
        job: It was pushed, and nothing of an earlier run is there.
        measured_s: How long the app measures by itself.
        watch: How it is watched.
        progress: Told that it runs.

    Raises:
        UnavailableError: If the app does not start, ends early, does not finish in time, or the device is
            lost for good. The app may be there still.
    """
    start_app(device, job.run_id)
    return _watched(device, job, watch, watch.hang_s + measured_s, progress)


def _watched(device: AdbDevice, job: AppJob, watch: Watch, longest_s: float, progress: Progress) -> AppRun:
    # The process first: what it wrote last, it wrote before it ended.
    look = (
        f"p=$(pidof {APP_ID}); "
        f"if [ -f {DONE_FILE} ] && grep -qx {job.run_id} {DONE_FILE}; "
        'then echo ended $p; elif [ -n "$p" ]; then echo running $p; else echo gone; fi'
    )
    sensors = SensorLog(device, watch.sensors_s)
    pid: str | None = None
    start = time.monotonic()
    progress(f"{device.serial}: the app runs")
    while True:
        words = device.said(look).split()
        state = words[0] if words else ""
        pid = next((word for word in words[1:] if word.isdecimal()), pid)
        if state == "ended":
            sensors.read()
            return AppRun(sensors, pid)
        if state == "gone":
            raise UnavailableError(f"the app ended without a result{last_of_app(device, pid)}")
        if state != "running":
            raise UnavailableError(
                f"the device answered {quoted(' '.join(words))}, which is no state of a run"
            )
        if time.monotonic() - start > longest_s:
            raise UnavailableError(
                f"the app did not finish in {longest_s:g} s{last_of_app(device, pid)}; keep the phone "
                "unlocked and the app in front, or measure less"
            )
        sensors.look()
        time.sleep(watch.look_s)
