"""Watching a device: waiting until it is cool, and its heat and battery while something runs there."""

from __future__ import annotations

import time
from typing import NamedTuple

from rapsam.benchmarks.latency.record import Charge, Temperature
from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.android.facts import THERMAL_STATUS, read_sensors
from rapsam.benchmarks.runners.base import Progress

MAX_READINGS = 100_000


class Watch(NamedTuple):
    """How a device is watched.

    Attributes:
        look_s: Between two looks: each costs the device some milliseconds.
        sensors_s: Between two readings of its heat and battery.
        hang_s: Seconds, beside those that are measured, after which it counts as hung.
        cool_s: Longest time that it may take to cool down before it is measured.
        cool_look_s: Between two looks at that.
        unlock_s: Longest time that somebody may take to unlock it.
        folder_s: Longest time that an app may take to make its folder.
    """

    look_s: float = 2.0
    sensors_s: float = 5.0
    hang_s: float = 900.0
    cool_s: float = 300.0
    cool_look_s: float = 5.0
    unlock_s: float = 120.0
    folder_s: float = 60.0


class SensorLog:
    """Readings of heat and battery while something runs on a device.

    Args:
        device: Where.
        every_s: Seconds between two readings.
    """

    def __init__(self, device: AdbDevice, every_s: float) -> None:
        self._device = device
        self._every_s = every_s
        self._start = time.monotonic()
        self._readings = [read_sensors(device, 0.0)]
        self._next_s = every_s

    def look(self) -> None:
        """Takes a reading where it is time for one."""
        if self._now_s() >= self._next_s and len(self._readings) < MAX_READINGS:
            self.read()

    def read(self) -> None:
        """Takes a reading.

        Raises:
            UnavailableError: If the device is lost for good.
        """
        now_s = self._now_s()
        self._readings.append(read_sensors(self._device, round(now_s, 3)))
        self._next_s = now_s + self._every_s

    @property
    def thermal(self) -> tuple[Temperature, ...]:
        """Readings of the thermometers."""
        return tuple(one for reading in self._readings for one in reading.temperatures)

    @property
    def battery(self) -> tuple[Charge, ...]:
        """Readings of the battery."""
        return tuple(one for reading in self._readings for one in reading.charges)

    @property
    def hottest(self) -> str | None:
        """The highest thermal status that was seen; None where the device has none."""
        statuses = [reading.thermal for reading in self._readings if reading.thermal is not None]
        return max(statuses, key=THERMAL_STATUS.index, default=None)

    def _now_s(self) -> float:
        return time.monotonic() - self._start


def cool_down(device: AdbDevice, watch: Watch, progress: Progress) -> str:
    """Waits until the device is not hot, for a bounded time; returns what is to be told of that."""
    start = time.monotonic()
    while True:
        status, waited = read_sensors(device, 0.0).thermal, time.monotonic() - start
        if status is None:
            return "the device does not tell its thermal status: whether it was cool before is not known"
        if status == THERMAL_STATUS[0]:
            return f"thermal status none before the run, after {waited:.0f} s of waiting"
        if waited >= watch.cool_s:
            return f"thermal status {status} before the run, still after {waited:.0f} s of waiting"
        progress(f"{device.serial} is hot, its thermal status {status}; waiting")
        time.sleep(watch.cool_look_s)


def heat_notes(hottest: str | None) -> tuple[str, ...]:
    """Tells of a device that became hot while it was measured.

    Args:
        hottest: See `SensorLog.hottest`.
    """
    if hottest in (None, THERMAL_STATUS[0]):
        return ()
    return (f"thermal status {hottest} was reached during the run: the device throttled, or may have",)
