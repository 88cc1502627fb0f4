"""What a device says of itself is read where it makes sense, and is unknown where it does not."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.benchmarks.latency.facts import DeviceFacts
from rapsam.benchmarks.latency.record import Charge, Temperature
from rapsam.benchmarks.runners.android.facts import WAKEFULNESS, read_facts, read_sensors
from tests.benchmarks.runners.android.recorded import BATTERY, MEMORY, POWER, PROCESSORS, PROPERTIES, THERMAL

SAID = {
    "getprop": PROPERTIES,
    "cat /proc/meminfo": MEMORY,
    "cat /proc/cpuinfo": PROCESSORS,
    "cat /proc/loadavg": "3.25 2.00 1.00 2/3000 12345\n",
    "settings get global low_power": "1\n",
    WAKEFULNESS: POWER,
    "dumpsys battery": BATTERY,
    "dumpsys thermalservice": THERMAL,
}


class Phone:
    """A device that answers commands with texts."""

    serial = "8XV7N15A10000001"

    def __init__(self, changes: dict[str, str] | None = None) -> None:
        self._answers = {**SAID, **(changes or {})}

    def said(self, script, _limit=0):
        commands = [part.removesuffix(" 2>/dev/null") for part in script.split("; echo; echo rapsam-next; ")]
        return "\nrapsam-next\n".join(self._answers[command] for command in commands)


def test_a_phone_is_described():
    facts = read_facts(Phone())
    assert facts.device == DeviceFacts(
        platform="android",
        id="8XV7N15A10000001",
        model="google Pixel 8",
        marketing_name=None,
        soc="Google Tensor G3",
        cores=9,
        ram_mb=7629,
        os="Android",
        os_version="14",
        os_build="UQ1A.240205.002",
        api_level=34,
        low_power=True,
        battery_pct=81.0,
        charging=True,
        load_average=3.25,
    )
    assert facts.abis == ("arm64-v8a", "armeabi-v7a", "armeabi")
    assert (facts.screen, facts.screen_note) == ("Awake", "the screen was on (Awake)")


def test_the_latest_reading_of_every_thermometer_counts():
    reading = read_sensors(Phone(), 2.5)
    assert reading.temperatures == (
        Temperature(t_s=2.5, sensor="battery", celsius=26.3),
        Temperature(t_s=2.5, sensor="VIRTUAL-SKIN", celsius=31.25),
        Temperature(t_s=2.5, sensor="BIG", celsius=41.5),
    )
    assert reading.charges == (Charge(t_s=2.5, percent=81.0, charging=True),)
    assert reading.thermal == "none"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "\0\x1b[2J" * 50,
        "Permission Denial: can't dump",
        "[a]: [b",
        "level: nan\nscale: 0\nThermal Status: 9\n",
    ],
)
def test_what_makes_no_sense_is_unknown(said):
    silent = Phone(dict.fromkeys(SAID, said))
    facts, reading = read_facts(silent), read_sensors(silent, 0.0)
    known = {name: value for name, value in msgspec.structs.asdict(facts.device).items() if value is not None}
    assert known == {"platform": "android", "id": "8XV7N15A10000001", "os": "Android"}
    assert (facts.abis, facts.screen, reading) == ((), None, ((), (), None))


def test_hostile_values_become_printable_and_short():
    hostile = PROPERTIES.replace("Pixel 8", "Pi\x1b[31mxel" + "x" * 900).replace("[34]", "[" + "9" * 50 + "]")
    charge = "level: 1e30\nscale: 1e30\ntemperature: 99999\n"
    facts = read_facts(Phone({"getprop": hostile, "dumpsys battery": charge}))
    assert len(facts.device.model) <= 210
    assert "\x1b" not in facts.device.model
    assert (facts.device.api_level, facts.device.battery_pct) == (None, None)
