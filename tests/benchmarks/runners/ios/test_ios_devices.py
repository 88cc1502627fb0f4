"""Every state of a phone is one line that says what to do."""

from __future__ import annotations

import shutil

import pytest

from rapsam.benchmarks.runners import find_runner
from rapsam.benchmarks.runners.ios import devicectl
from rapsam.benchmarks.runners.ios.devices import find_phone
from rapsam.benchmarks.runners.ios.runner import IosRunner
from rapsam.errors import UnavailableError
from tests.benchmarks.runners.ios.phone import OTHER, UDID, new_device, old_device


def refused(udid: str | None = None) -> str:
    reason = IosRunner(system=lambda: "Darwin").unavailable(udid)
    assert reason is not None
    assert "\n" not in reason
    return reason


def test_elsewhere_it_needs_a_mac():
    runner, device = find_runner(f"ios:{UDID}")
    assert device == UDID
    assert IosRunner(system=lambda: "Linux").unavailable(device) == (
        "it needs a Mac with Xcode, whose devicectl talks to iPhones; this is Linux"
    )
    assert isinstance(runner, IosRunner)


def test_the_only_phone_is_found_in_either_shape(phone):
    found = find_phone(None)
    assert (found.udid, found.marketing_name, found.product_type) == (UDID, "iPhone 15 Pro", "iPhone16,1")
    assert (found.os_version, found.os_build, found.developer_mode) == ("26.0", "23A341", "enabled")
    phone.lists(new_device())
    found = find_phone(UDID.lower())
    assert (found.udid, found.marketing_name, found.product_type) == (UDID, "iPhone 18 Pro", "iPhone19,1")
    assert (found.os_version, found.os_build, found.developer_mode) == ("27.0", None, "enabled")
    # For a time there are both: the newer one holds.
    phone.lists({**old_device(), **new_device()})
    assert find_phone(None).marketing_name == "iPhone 18 Pro"


def test_simulators_watches_and_what_has_no_number_are_no_phones(phone):
    phone.lists(
        new_device(OTHER, reality="simulated"),
        old_device(OTHER, platform="watchOS"),
        {"identifier": ""},
        old_device(),
    )
    assert find_phone(None).udid == UDID


def test_a_phone_that_cannot_be_used_does_not_hide_one_that_can(phone):
    phone.lists(old_device(OTHER, tunnel="unavailable"), old_device())
    assert find_phone(None).udid == UDID


@pytest.mark.parametrize(
    ("devices", "udid", "says"),
    [
        ([], None, "no iPhone is known to this Mac; connect it by cable"),
        ([old_device()], OTHER, f"no iPhone '{OTHER}' is known to this Mac; known are iPhone 15 Pro {UDID}"),
        (
            [old_device(), new_device(OTHER)],
            None,
            f"2 iPhones are there: iPhone 15 Pro {UDID}, iPhone 18 Pro",
        ),
        ([old_device(pairing="unpaired")], None, "is not paired with this Mac; unlock it and tap Trust"),
        ([old_device(tunnel="unavailable")], UDID, "cannot be reached; connect it by cable"),
        ([new_device(state="unavailable")], None, "cannot be reached; connect it by cable"),
        ([old_device(mode="disabled")], None, "is off; switch it on under Settings, Privacy & Security"),
        (
            [new_device(mode={"disabled": {}})],
            None,
            "is off; switch it on under Settings, Privacy & Security",
        ),
    ],
)
def test_what_the_list_tells_is_told(phone, devices, udid, says):
    phone.lists(*devices)
    assert says in refused(udid)


def test_a_locked_phone_is_told(phone):
    phone.answers("lock", {"result": {"passcodeRequired": True}})
    assert "is locked; unlock it, and keep it so" in refused()


def test_an_older_devicectl_that_knows_no_lock_is_no_obstacle(phone):
    phone.answers("lock", {"error": {"userInfo": {}}})
    assert find_phone(None).udid == UDID


def test_a_phone_without_the_app_is_told(phone):
    phone.answers("apps", {"result": {"apps": []}})
    assert "the sample app org.rapsam.sample is not on iPhone 15 Pro" in refused()


def test_without_xcode_it_says_so(phone, monkeypatch):
    phone.does("no devicectl")
    assert refused() == f"this Xcode has no devicectl; {devicectl._XCODE}"
    monkeypatch.setenv("PATH", "/nowhere")
    assert refused() == f"there is no xcrun; {devicectl._XCODE}"
    assert shutil.which("xcrun") is None


def test_apples_own_reason_is_told(phone):
    words = {"string": "CoreDeviceService could not start.\n\x1b[31m"}
    phone.answers("list", {"error": {"code": 1, "userInfo": {"NSLocalizedDescription": words}}})
    assert refused() == (
        r"devicectl list devices: CoreDeviceService could not start.\n\x1b[31m ERROR: something is wrong"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[]",
        '{"result": 3}',
        '{"result": {"devices": 3}}',
        '{"result": {"devices": [{"identifier": 3}]}}',
    ],
)
def test_nonsense_is_told(phone, text):
    phone.answers("list", text)
    assert "answers what is not understood" in refused()


def test_one_that_hangs_is_ended(phone):
    phone.does("hangs")
    with pytest.raises(UnavailableError, match=r"devicectl list devices: no answer in 0\.5 s"):
        devicectl.ask(object, "list", "devices", timeout_s=0.5)
