"""The browser of the WebKit tests neither starts nor ends forever."""

from __future__ import annotations

import time

import pytest

from tests import webkit


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Lets a script stand for the display's program."""
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(webkit, "START_S", 0.3)
    monkeypatch.setattr(webkit, "END_S", 0.3)

    def write(script):
        path = tmp_path / "Xvfb"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    return write


@pytest.mark.parametrize("script", ["exec sleep 60", "exit 1"])
def test_a_display_that_does_not_start_is_not_waited_for(server, script):
    server(script)
    with pytest.raises(AssertionError, match=r"told no display within 0\.3 s"), webkit.display():
        pass


def test_a_display_that_does_not_end_is_ended(server):
    server("trap '' TERM; echo 7 > /dev/fd/$2; while :; do sleep 0.05; done")
    start = time.monotonic()
    with webkit.display() as number:
        assert number == 7
    assert time.monotonic() - start < 20
