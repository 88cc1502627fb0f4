"""The catalogue of phones: what is known of each, and the recipe and input size that it starts with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from rapsam.errors import InputError, unknown_name
from rapsam.export.backends.catalogue import find_recipe, find_target, ios_versions
from rapsam.export.backends.recipes import Recipe

CATALOGUE = Path(__file__).with_name("devices.toml")

Platform = Literal["ios", "android"]
Side = Annotated[int, msgspec.Meta(ge=32, le=2048, multiple_of=32)]


class Device(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One phone of the catalogue.

    Attributes:
        id: Name to type, as in "iphone-15-pro".
        name: Name for people.
        platform: "ios" or "android".
        chip: Processor as its maker names it; None for a generic entry.
        year: Year of the first sale; None for a generic entry.
        ram_mb: Memory in MiB; None where the maker does not publish it or sells several sizes.
        os_minimum: Major version of the oldest iOS or Android that we target on this phone.
        target: Format that an export for this phone makes by default.
        precision: As in "fp16"; one that the target knows.
        ios: Deployment target, as in 17; None for formats of other systems.
        size: Height and width of the network's input in pixels, multiples of 32.
        compute_units: Advice for the app that loads the graphs, one of what the target declares: for Core ML
            a case of its `MLComputeUnits`, "cpu" for formats that run there.
        source: Public address that the facts were taken from; None for a generic entry.
        gmacs_per_second: Most multiply-adds per second, in 10^9, of what runs the graphs; None if unknown.
        gb_per_second: Most that its memory moves per second, in 10^9 bytes; None if unknown.
        speed_source: Public address that the two were taken from; needed with either.
    """

    id: Annotated[str, msgspec.Meta(pattern="^[a-z0-9]+(-[a-z0-9]+)*$")]
    name: Annotated[str, msgspec.Meta(min_length=1)]
    platform: Platform
    chip: str | None = None
    year: Annotated[int, msgspec.Meta(ge=2007, le=2100)] | None = None
    ram_mb: Annotated[int, msgspec.Meta(ge=1024)] | None = None
    os_minimum: Annotated[int, msgspec.Meta(ge=1)]
    target: str
    precision: str
    ios: int | None = None
    size: tuple[Side, Side]
    compute_units: str
    source: Annotated[str, msgspec.Meta(pattern="^https://")] | None = None
    gmacs_per_second: Annotated[float, msgspec.Meta(gt=0)] | None = None
    gb_per_second: Annotated[float, msgspec.Meta(gt=0)] | None = None
    speed_source: Annotated[str, msgspec.Meta(pattern="^https://")] | None = None

    def __post_init__(self) -> None:
        """Raises `InputError` if two fields contradict each other or no recipe fits."""
        facts = find_target(self.target).facts
        declared = f"device {self.id!r} has target {self.target!r}"
        if facts.platform not in (None, self.platform):
            raise InputError(f"{declared}: expected platform {facts.platform!r}, got {self.platform!r}")
        if ios_versions(self.target):
            self._check_ios()
        elif self.ios is not None:
            raise InputError(f"{declared}: leave out ios")
        if self.compute_units not in facts.compute_units:
            units = " or ".join(f'"{unit}"' for unit in facts.compute_units)
            raise InputError(f"{declared}: set compute_units = {units}, not {self.compute_units!r}")
        if self.speed_source is None and (self.gmacs_per_second or self.gb_per_second):
            raise InputError(f"device {self.id!r}: say with speed_source where its speed was published")
        self.recipe()

    def _check_ios(self) -> None:
        if self.ios is None or self.ios > self.os_minimum:
            raise InputError(
                f"device {self.id!r} has ios {self.ios}: "
                f"set it to a deployment target up to os_minimum {self.os_minimum}"
            )

    def recipe(self) -> Recipe:
        """Returns the recipe that an export for this phone uses by default."""
        return find_recipe(self.target, self.precision, self.ios)


class _Catalogue(msgspec.Struct, forbid_unknown_fields=True):
    device: tuple[Device, ...]


def load_devices(path: Path = CATALOGUE) -> dict[str, Device]:
    """Reads a catalogue of phones.

    Args:
        path: A TOML file with one `[[device]]` table per phone; docs/devices.md describes it.

    Returns:
        The devices by id, in the order of the file.

    Raises:
        InputError: If the file cannot be read, holds an unknown, missing or wrong field, contradicts
            itself, or has an id twice.
    """
    try:
        catalogue = msgspec.toml.decode(path.read_bytes(), type=_Catalogue)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; expected a catalogue of devices") from error
    except (msgspec.DecodeError, UnicodeDecodeError, InputError) as error:
        raise InputError(f"{path}: {error}; docs/devices.md describes the fields") from error
    devices: dict[str, Device] = {}
    for device in catalogue.device:
        if device.id in devices:
            raise InputError(f"{path}: device {device.id!r} is listed twice; remove one")
        devices[device.id] = device
    return devices


def search_devices(words: Sequence[str]) -> tuple[Device, ...]:
    """Finds the phones of the built-in catalogue that hold all words, in any case, in the order of the file.

    Args:
        words: Parts of an id, a name, a chip or a system, such as "pixel", "A17" or "android". Without any,
            all phones are found.

    Raises:
        InputError: If no phone holds them.
    """
    devices = load_devices()
    wanted = [word.casefold() for word in words]
    found = tuple(device for device in devices.values() if all(word in _text(device) for word in wanted))
    if not found:
        raise InputError(f"no device holds {' '.join(words)!r}; 'rapsam devices' lists all {len(devices)}")
    return found


def _text(device: Device) -> str:
    parts = (device.id, device.name, device.chip or "", device.platform, device.recipe().name)
    return " ".join(parts).casefold()


def find_device(name: str) -> Device:
    """Finds a phone of the built-in catalogue by its id.

    Raises:
        InputError: If there is none; the message names the nearest ids.
    """
    devices = load_devices()
    if name not in devices:
        raise unknown_name("device", name, devices)
    return devices[name]
