"""The iPhones that a Mac knows, and which of them can be used.

devicectl has two shapes of answers: up to Xcode 26 `hardwareProperties` and the like, from Xcode 27 on
`properties`, for a time both.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec

from rapsam.benchmarks.runners.app_contract import APP_ID
from rapsam.benchmarks.runners.ios.devicectl import DevicectlError, ask
from rapsam.benchmarks.runners.record_parts import record_text
from rapsam.errors import UnavailableError, quoted

_TRUST = "unlock it and tap Trust"
_DEVELOPER = "switch it on under Settings, Privacy & Security, Developer Mode"
_CONNECT = "connect it by cable, or to the same network"
_PHYSICAL = (None, "physical")


class _Base(msgspec.Struct, rename="camel"):
    pass


class _Version(_Base):
    string_value: str | None = None


_Number = str | _Version | None


class _Hardware(_Base):
    udid: str | None = None
    marketing_name: str | None = None
    product_type: str | None = None
    hardware_model: str | None = None
    platform: str | None = None
    reality: str | None = None


class _State(_Base):
    name: str | None = None
    os_version_number: _Number = None
    os_build_update: _Number = None
    developer_mode_status: str | dict[str, object] | None = None


class _Connection(_Base):
    pairing_state: str | None = None
    tunnel_state: str | None = None
    state: str | None = None


class _Properties(_Base):
    hardware: _Hardware = msgspec.field(default_factory=_Hardware)
    state: _State = msgspec.field(default_factory=_State)
    software: _State = msgspec.field(default_factory=_State)
    connection: _Connection = msgspec.field(default_factory=_Connection)


class _Device(_Base):
    identifier: str | None = None
    hardware_properties: _Hardware = msgspec.field(default_factory=_Hardware)
    device_properties: _State = msgspec.field(default_factory=_State)
    connection_properties: _Connection = msgspec.field(default_factory=_Connection)
    properties: _Properties = msgspec.field(default_factory=_Properties)


class _Devices(_Base):
    devices: Annotated[tuple[_Device, ...], msgspec.Meta(max_length=1000)] = ()


class _LockState(_Base):
    passcode_required: bool | None = None


class _App(_Base):
    bundle_identifier: str | None = None


class _Apps(_Base):
    apps: Annotated[tuple[_App, ...], msgspec.Meta(max_length=10_000)] = ()


class Phone(NamedTuple):
    """An iPhone, or an iPad, as devicectl describes it; None is what it does not say.

    Attributes:
        udid: Its number.
        name: What its owner calls it.
        marketing_name: As in "iPhone 15 Pro".
        product_type: As in "iPhone16,1".
        os_version: Of iOS.
        os_build: Of iOS.
        pairing: "paired" where it trusts this Mac.
        connection: "unavailable" where it cannot be reached; "disconnected" is one that rests.
        developer_mode: "enabled" or "disabled".
    """

    udid: str
    name: str | None
    marketing_name: str | None
    product_type: str | None
    os_version: str | None
    os_build: str | None
    pairing: str | None
    connection: str | None
    developer_mode: str | None

    def __str__(self) -> str:
        """Names it for people."""
        return f"{self.marketing_name or self.product_type or 'a device'} {self.udid}"


def find_phone(udid: str | None) -> Phone:
    """Finds the iPhone that is meant, and checks that it can be used.

    Args:
        udid: Its number; None for the only one.

    Raises:
        UnavailableError: With what to do: none is there, or several, or it cannot be used.
    """
    phones = _phones()
    if udid is not None:
        found = [phone for phone in phones if phone.udid.lower() == udid.lower()]
    else:
        found = [phone for phone in phones if _trouble(phone) is None] or phones
    if not found:
        known = f"; known are {', '.join(map(str, phones))}" if phones else ""
        wanted = "no iPhone" if udid is None else f"no iPhone {quoted(udid)}"
        raise UnavailableError(f"{wanted} is known to this Mac{known}; {_CONNECT}, {_TRUST}")
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise UnavailableError(
            f"{len(found)} iPhones are there: {names}; name one, as in --on ios:{found[0].udid}"
        )
    _check_usable(found[0])
    return found[0]


def _phones() -> list[Phone]:
    answer = ask(_Devices, "list", "devices")
    phones = (_phone(device) for device in answer.devices)
    return [phone for phone in phones if phone is not None]


def _phone(device: _Device) -> Phone | None:
    """Reads one entry; None for a simulator, a watch, or what has no number."""
    new, hardware = device.properties, device.hardware_properties
    reality = new.hardware.reality or hardware.reality
    platform = new.hardware.platform or hardware.platform
    udid = new.hardware.udid or hardware.udid or device.identifier
    if not udid or reality not in _PHYSICAL or platform not in (None, "iOS"):
        return None
    state, connection = device.device_properties, device.connection_properties
    return Phone(
        udid=record_text(udid),
        name=_text(new.state.name or state.name),
        marketing_name=_text(new.hardware.marketing_name or hardware.marketing_name),
        product_type=_text(new.hardware.product_type or hardware.product_type),
        os_version=_number(new.software.os_version_number) or _number(state.os_version_number),
        os_build=_number(new.software.os_build_update) or _number(state.os_build_update),
        pairing=_text(new.connection.pairing_state or connection.pairing_state),
        connection=_text(new.connection.state or connection.tunnel_state),
        developer_mode=_case(new.state) or _case(state),
    )


def _trouble(phone: Phone) -> str | None:
    """Says why a phone cannot be used, as far as the list tells, and what to do."""
    if phone.pairing not in (None, "paired"):
        return f"{phone} is not paired with this Mac; {_TRUST}"
    if phone.connection == "unavailable":
        return f"{phone} cannot be reached; {_CONNECT}"
    if phone.developer_mode == "disabled":
        return f"the developer mode of {phone} is off; {_DEVELOPER}"
    return None


def _check_usable(phone: Phone) -> None:
    if trouble := _trouble(phone):
        raise UnavailableError(trouble)
    try:
        locked = ask(_LockState, "device", "info", "lockState", "--device", phone.udid).passcode_required
    except DevicectlError:  # older ones cannot tell; the launch will
        locked = None
    if locked:
        raise UnavailableError(f"{phone} is locked; unlock it, and keep it so: an app cannot start otherwise")
    apps = ask(_Apps, "device", "info", "apps", "--device", phone.udid, "--bundle-id", APP_ID).apps
    if not any(app.bundle_identifier == APP_ID for app in apps):
        raise UnavailableError(f"the sample app {APP_ID} is not on {phone}; build it in Xcode and install it")


def _case(state: _State) -> str | None:
    """Reads the developer mode: a word, or an object whose only key is the word."""
    status = state.developer_mode_status
    return _text(next(iter(status), None) if isinstance(status, dict) else status)


def _number(value: _Number) -> str | None:
    return _text(value.string_value if isinstance(value, _Version) else value)


def _text(text: str | None) -> str | None:
    return record_text(text) if text else None
