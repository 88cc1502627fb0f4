from __future__ import annotations

import msgspec
import pytest

from rapsam.benchmarks.runners.browser.identity import browser_of, device_facts
from rapsam.benchmarks.runners.browser.told import ToldDevice
from tests.benchmarks.runners.browser.told_devices import ANDROID, device

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
PIXEL = "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0"
OLD_ANDROID = (
    "Mozilla/5.0 (Linux; Android 9; SM-G960F) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/12.1 "
    "Chrome/79.0.3945.136 Mobile Safari/537.36"
)
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.1 Safari/605.1"
)
WINDOWS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36 "
    "Edg/131.0.0.0"
)


def told(**changes):
    return msgspec.convert(device(**changes), ToldDevice)


@pytest.mark.parametrize(
    ("line", "browser", "facts"),
    [
        (IPHONE, ("Safari", "17.5"), ("ios", "iOS", "17.5.1", "iPhone")),
        (ANDROID, ("Chrome", "141.0.0.0"), ("android", "Android", None, None)),
        (PIXEL, ("Firefox", "132.0"), ("android", "Android", "14", None)),
        (OLD_ANDROID, ("Samsung Internet", "12.1"), ("android", "Android", "9", "SM-G960F")),
        (MAC, ("Safari", "18.1"), ("darwin", "macOS", None, None)),
        (WINDOWS, ("Edge", "131.0.0.0"), ("windows", "Windows", None, None)),
        ("curl/8", ("browser", ""), ("browser", None, None, None)),
    ],
)
def test_a_line_is_read_for_what_it_says_and_no_more(line, browser, facts):
    found = device_facts(told(user_agent=line))
    assert browser_of(told(user_agent=line)) == browser
    assert (found.platform, found.os, found.os_version, found.model) == facts


def test_hints_are_believed_before_the_line():
    brands = [
        {"name": "Not?A_Brand", "version": "99"},
        {"name": "Chromium", "version": "141.0.7390.1"},
        {"name": "Google Chrome", "version": "141.0.7390.2"},
    ]
    one = told(
        brands=brands, platform="Android", platform_version="15.0.0", model="Pixel 8", architecture="arm"
    )
    found = device_facts(one)
    assert browser_of(one) == ("Google Chrome", "141.0.7390.2")
    assert (found.platform, found.os_version, found.model, found.soc) == (
        "android",
        "15.0.0",
        "Pixel 8",
        "arm",
    )
    assert device_facts(told(platform="macOS")).platform == "darwin"


def test_what_is_not_told_is_null():
    found = device_facts(None)
    values = msgspec.structs.asdict(found)
    assert values.pop("platform") == "browser"
    assert set(values.values()) == {None}
    assert (device_facts(told(processors=None)).cores, device_facts(told()).ram_mb) == (None, None)
