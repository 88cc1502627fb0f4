"""The screen of an Android phone: an app is measured as its user meets it, in front and lit."""

from __future__ import annotations

import re
import time
from typing import NamedTuple

from rapsam.benchmarks.runners.android.device import AdbDevice
from rapsam.benchmarks.runners.android.facts import WAKEFULNESS, read_wakefulness, said_parts
from rapsam.benchmarks.runners.android.watching import Watch
from rapsam.benchmarks.runners.app_contract import APP_ID
from rapsam.benchmarks.runners.base import Log
from rapsam.errors import UnavailableError

_LOCKED = re.compile(r"^\s*showing=(true|false)\b", re.MULTILINE)
_FRONT = re.compile(r"ResumedActivity[:=]\s*ActivityRecord\{\S{1,40} u\d{1,4} ([\w.]{1,200})/")
_BEHIND = "the figures may be those of an app in the background"
_AWAKE = "Awake"
_WAKE = "input keyevent KEYCODE_WAKEUP; wm dismiss-keyguard"


class Screen(NamedTuple):
    """What is known of a screen; None is what the phone does not say.

    Attributes:
        wakefulness: "Awake", "Asleep", "Dozing" or "Dreaming".
        is_locked: Whether the lock screen covers it.
        in_front: The app whose activity is in front.
    """

    wakefulness: str | None
    is_locked: bool | None
    in_front: str | None

    @property
    def is_usable(self) -> bool:
        """Whether nothing is known that keeps an app from being in front."""
        return self.wakefulness in (None, _AWAKE) and not self.is_locked

    @property
    def note(self) -> str:
        """Says after a run whether the app was still in front."""
        if not self.is_usable:
            return f"the screen was off or locked at the end: {_BEHIND}"
        if self.in_front is None:
            return "the phone does not say whether the app was in front"
        if self.in_front != APP_ID:
            return f"another app was in front at the end: {_BEHIND}"
        return "the app was in front, the screen on, at the end"


def read_screen(device: AdbDevice) -> Screen:
    """Asks a phone for its screen.

    Raises:
        UnavailableError: If it is lost for good, or says far too much.
    """
    power, policy, activities = said_parts(
        device,
        WAKEFULNESS,
        "dumpsys window policy | grep -m 1 '^ *showing='",
        "dumpsys activity activities | grep -m 4 ResumedActivity",
    )
    locked, front = _LOCKED.search(policy), _FRONT.search(activities)
    return Screen(
        wakefulness=read_wakefulness(power),
        is_locked=None if locked is None else locked[1] == "true",
        in_front=None if front is None else front[1],
    )


def check_unlocked(device: AdbDevice) -> None:
    """Refuses a phone whose screen is off or locked; does nothing to it.

    Raises:
        UnavailableError: If it is.
    """
    if not read_screen(device).is_usable:
        raise UnavailableError(_unlock(device))


def await_unlocked(device: AdbDevice, watch: Watch, log: Log) -> None:
    """Wakes a phone that has fallen asleep while files were pushed, and waits until it is unlocked.

    Args:
        device: Where.
        watch: How long, and how often it is looked at.
        log: Told that somebody has to unlock it.

    Raises:
        UnavailableError: If nobody did.
    """
    if read_screen(device).is_usable:
        return
    device.shell(_WAKE)
    end, asked = time.monotonic() + watch.unlock_s, False
    while not read_screen(device).is_usable:
        if time.monotonic() > end:
            raise UnavailableError(_unlock(device))
        if not asked:
            log(f"{device.serial} is locked: unlock it", stays=True)
            asked = True
        time.sleep(watch.look_s)


def _unlock(device: AdbDevice) -> str:
    return f"{device.serial} is locked, or its screen is off; unlock it, and keep it so while it is measured"
