"""Which devices there are, and which one is meant."""

from __future__ import annotations

import re
from typing import NamedTuple

from rapsam.benchmarks.runners.android.tool import AdbTool, last_words
from rapsam.errors import UnavailableError, printable, quoted, shortened

READY = "device"
_MAX_DEVICES = 64
_MAX_SERIAL = 100
_STATES = {
    "unauthorized": "has not allowed this computer; unlock it and accept 'Allow USB debugging?'",
    "authorizing": "is being asked to allow this computer; unlock it and accept 'Allow USB debugging?'",
    "offline": "is offline; unplug it and plug it in again, or run: adb reconnect",
    "connecting": "is still connecting; wait a moment",
    "no permissions": "may not be opened by this user; see udev rules in Android's documentation of adb",
    "recovery": "is in recovery; start Android on it",
    "sideload": "is in sideload mode; start Android on it",
    "bootloader": "is in its bootloader; start Android on it",
}
_NO_DEVICE = (
    "no device; connect a phone, allow USB debugging in its developer options, and look at: adb devices"
)
_PLACE = re.compile(r"[A-Za-z0-9._-]+:[0-9]{1,5}")


class ListedDevice(NamedTuple):
    """A line of `adb devices -l`.

    Attributes:
        serial: Serial number, or address and port.
        state: "device" if it can be used.
        model: As adb has it; empty where it has not asked the device.
    """

    serial: str
    state: str
    model: str

    def __str__(self) -> str:
        """Names it for people."""
        about = ", ".join(part for part in (self.model, "" if self.state == READY else self.state) if part)
        return f"{self.serial} ({about})" if about else self.serial


def list_devices(tool: AdbTool) -> tuple[ListedDevice, ...]:
    """Lists what adb sees.

    Raises:
        UnavailableError: If adb does not work.
    """
    done = tool.call("devices", "-l")
    if done.code:
        raise UnavailableError(f"adb devices fails: {last_words(done.errors)}")
    lines = done.output.decode(errors="replace").splitlines()
    found = (_listed(line) for line in lines if not line.startswith(("List of devices", "*")))
    return tuple(device for device in found if device is not None)[:_MAX_DEVICES]


def find_device(tool: AdbTool, serial: str | None) -> ListedDevice:
    """Finds the device that is meant, ready to be used.

    Args:
        tool: adb.
        serial: As the user wrote it; None for the only one.

    Raises:
        UnavailableError: With what is there instead, and what to do.
    """
    devices = list_devices(tool)
    if serial is not None:
        known = {device.serial: device for device in devices}
        if serial not in known and is_place(serial):
            tool.call("connect", serial)
            known = {device.serial: device for device in list_devices(tool)}
        if serial not in known:
            there = ", ".join(map(str, devices)) or "none"
            raise UnavailableError(f"no device {quoted(serial)}; connected: {there}")
        return _ready(known[serial])
    if not devices:
        raise UnavailableError(_NO_DEVICE)
    if len(devices) > 1:
        named, first = ", ".join(map(str, devices)), devices[0].serial
        raise UnavailableError(
            f"{len(devices)} devices: {named}; name the one that is meant, as in --on adb:{first} or "
            f"adb-app:{first}"
        )
    return _ready(devices[0])


def is_place(serial: str) -> bool:
    """Tells whether a device is known by address and port: adb forgets such a one when it is lost."""
    return _PLACE.fullmatch(serial) is not None


def _ready(device: ListedDevice) -> ListedDevice:
    if device.state == READY:
        return device
    what = _STATES.get(device.state, f"is in the state {quoted(device.state)}; expected {READY!r}")
    raise UnavailableError(f"{device.serial} {what}")


def _listed(line: str) -> ListedDevice | None:
    serial, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if not serial or not rest or len(serial) > _MAX_SERIAL:
        return None
    state = next((name for name in _STATES if rest.startswith(name)), rest.split()[0])
    model = next((word[6:] for word in rest.split() if word.startswith("model:")), "")
    return ListedDevice(*(shortened(printable(text), _MAX_SERIAL) for text in (serial, state, model)))
