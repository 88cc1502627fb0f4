"""One line says why no device can be used, and what to do."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.runners import RUNNERS, find_runner
from tests.benchmarks.runners.android.fake_adb import GALAXY, HEAD, PIXEL, write_fake_adb

UNAUTHORISED = "8XV7N15A10000001       unauthorized 1-1 transport_id:4\n"
OFFLINE = "8XV7N15A10000001       offline 1-1 transport_id:4\n"
NO_RULES = (
    "8XV7N15A10000001       no permissions (user in plugdev group; are your udev rules wrong?); see "
    "[http://developer.android.com/tools/device.html] 1-1 transport_id:1\n"
)
RECOVERY = "8XV7N15A10000001       recovery 1-1 transport_id:4\n"
NO_SERVER = (
    "* daemon not running; starting now at tcp:5037\nADB server didn't ACK\n* failed to start daemon\n"
)


def reason(monkeypatch, tmp_path, serial=None, **said):
    write_fake_adb(tmp_path, **said)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    found = RUNNERS["adb"].unavailable(serial)
    assert found is None or "\n" not in found
    return found


@pytest.mark.parametrize(
    ("listed", "says"),
    [
        (HEAD, "no device; connect a phone, allow USB debugging"),
        (
            HEAD + PIXEL + GALAXY,
            "2 devices: 8XV7N15A10000001 (Pixel_8), R5CT200ABCD (SM_S911B); name the one",
        ),
        (HEAD + UNAUTHORISED, "8XV7N15A10000001 has not allowed this computer; unlock it and accept"),
        (HEAD + OFFLINE, "8XV7N15A10000001 is offline; unplug it"),
        (HEAD + NO_RULES, "8XV7N15A10000001 may not be opened by this user; see udev rules"),
        (HEAD + RECOVERY, "8XV7N15A10000001 is in recovery; start Android on it"),
        (
            HEAD + "X\x1b[31m brand-new-state\n",
            r"X\x1b[31m is in the state 'brand-new-state'; expected 'device'",
        ),
        (HEAD + "\n\nnonsense\n" + "x" * 5000 + " device\n", "no device; connect a phone"),
    ],
)
def test_a_device_that_cannot_be_used(monkeypatch, tmp_path, listed, says):
    assert says in reason(monkeypatch, tmp_path, listed=listed)


def test_the_only_device_is_taken_and_one_of_several_by_its_serial(monkeypatch, tmp_path):
    assert reason(monkeypatch, tmp_path, listed=HEAD + PIXEL) is None
    assert reason(monkeypatch, tmp_path, "R5CT200ABCD", listed=HEAD + PIXEL + GALAXY) is None
    monkeypatch.setenv("ANDROID_SERIAL", "R5CT200ABCD")
    assert RUNNERS["adb"].unavailable(None) is None


def test_an_unknown_serial_is_refused_with_what_is_there(monkeypatch, tmp_path):
    found = reason(monkeypatch, tmp_path, "8XV7", listed=HEAD + PIXEL + UNAUTHORISED.replace("8XV7", "9XV7"))
    assert found.startswith(
        "no device '8XV7'; connected: 8XV7N15A10000001 (Pixel_8), 9XV7N15A10000001 (unauth"
    )
    assert reason(monkeypatch, tmp_path, "a\nb", listed=HEAD) == "no device 'a\\nb'; connected: none"


def test_a_dead_server_is_told_with_the_remedy(monkeypatch, tmp_path):
    found = reason(monkeypatch, tmp_path, errors=NO_SERVER, code=1)
    assert found == (
        "adb's server does not work (* failed to start daemon); run: adb kill-server && adb start-server"
    )


def test_an_adb_that_floods_is_ended(monkeypatch, tmp_path):
    found = reason(monkeypatch, tmp_path, listed=HEAD + "x" * (1 << 21))
    assert found == "adb devices: it said more than 1,048,576 bytes"


def test_no_adb_is_told_with_where_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    for variable in ("ANDROID_HOME", "ANDROID_SDK_ROOT"):
        monkeypatch.setenv(variable, str(tmp_path / "sdk"))
    assert "no adb program; install" in RUNNERS["adb"].unavailable(None)
    write_fake_adb_at = tmp_path / "sdk" / "platform-tools"
    write_fake_adb_at.mkdir(parents=True)
    write_fake_adb(write_fake_adb_at, HEAD + PIXEL)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda *_args, **_kind: None)
    assert RUNNERS["adb"].unavailable(None) is None


def test_the_runner_is_found_with_its_serial():
    assert find_runner("adb:127.0.0.1:6001") == (RUNNERS["adb"], "127.0.0.1:6001")
