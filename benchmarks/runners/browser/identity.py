"""Which browser on which device it was, as the browser tells it; what it does not tell is not guessed."""

from __future__ import annotations

import re
from typing import NamedTuple

from rapsam.benchmarks.latency.facts import DeviceFacts
from rapsam.benchmarks.runners.browser.told import ToldDevice

_UNKNOWN = "browser"
_PLATFORMS = {"macos": "darwin", "mac os x": "darwin", "chrome os": "chromeos"}
# The first that fits: most browsers name others behind themselves.
_BROWSERS = (
    ("Edge", re.compile(r"Edg(?:A|iOS)?/([\d.]+)")),
    ("Opera", re.compile(r"OPR/([\d.]+)")),
    ("Samsung Internet", re.compile(r"SamsungBrowser/([\d.]+)")),
    ("Firefox", re.compile(r"(?:Firefox|FxiOS)/([\d.]+)")),
    ("Chrome", re.compile(r"(?:Chrome|CriOS)/([\d.]+)")),
    ("Safari", re.compile(r"Version/([\d.]+)(?: Mobile/\S+)? Safari/")),
)
_SYSTEMS = (
    ("iOS", re.compile(r"\((?P<model>iPhone|iPad|iPod)[^)]* OS (?P<version>[\d_]+) like Mac OS X")),
    ("Android", re.compile(r"Android (?P<version>[\d.]+); (?P<model>[^;)]+)")),
    ("macOS", re.compile(r"Macintosh")),
    ("Windows", re.compile(r"Windows NT")),
    ("Linux", re.compile(r"Linux|X11")),
)
_FROZEN_MODEL = "K"
"""In place of every model, with a version of Android that is always 10."""
_NO_MODELS = ("Mobile", "Tablet")
"""What Firefox says in its place."""
_MADE_UP = re.compile(r"not.{0,3}a.{0,3}brand", re.IGNORECASE)


class Browser(NamedTuple):
    """A browser, by name and version."""

    name: str
    version: str


def browser_of(told: ToldDevice) -> Browser:
    """Names the browser: by its hints, else by its line; "browser" if neither says."""
    real = [brand for brand in told.brands if not _MADE_UP.search(brand.name)]
    # All relatives of Chromium tell of it too, beside their own name.
    for brand in sorted(real, key=lambda brand: brand.name == "Chromium"):
        return Browser(brand.name, brand.version)
    for name, pattern in _BROWSERS:
        if match := pattern.search(told.user_agent):
            return Browser(name, match[1])
    return Browser(_UNKNOWN, "")


def device_facts(told: ToldDevice | None) -> DeviceFacts:
    """Describes the device as its browser does.

    Args:
        told: None where no browser ever came.
    """
    system, version, model = (None, None, None) if told is None else _system(told)
    platform = _UNKNOWN if system is None else system.lower()
    return DeviceFacts(
        platform=_PLATFORMS.get(platform, platform),
        id=None,
        model=model,
        marketing_name=None,
        soc=None if told is None else told.architecture,
        cores=None if told is None else told.processors,
        ram_mb=None,
        os=system,
        os_version=version,
        os_build=None,
        api_level=None,
        low_power=None,
        battery_pct=None if told is None else told.battery_percent,
        charging=None if told is None else told.is_charging,
        load_average=None,
    )


def _system(told: ToldDevice) -> tuple[str | None, str | None, str | None]:
    """Returns system, version and model."""
    if told.platform is not None:
        return told.platform, told.platform_version, told.model
    for name, pattern in _SYSTEMS:
        if match := pattern.search(told.user_agent):
            found = match.groupdict()
            model = (found.get("model") or "").strip()
            if model == _FROZEN_MODEL:
                return name, None, None
            version = (found.get("version") or "").replace("_", ".") or None
            return name, version, None if model in _NO_MODELS else model or None
    return None, None, None
