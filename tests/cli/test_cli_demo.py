"""`rapsam demo`: one screen that ends with the picture to open."""

from __future__ import annotations

import pytest

from rapsam.cli.demo import PICTURES
from tests.cli.cli_runs import process


@pytest.mark.slow
def test_the_demo_is_one_screen_and_ends_with_the_picture(tmp_path):
    """Without a terminal; the real thing, as `make demo` runs it."""
    done = process("demo", "--out", tmp_path / "demo", seconds=1800)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) + len(done.stderr.splitlines()) <= 40
    assert lines[-4].startswith(f"open first: {tmp_path / 'demo' / 'scene.overlay.png'}  ")
    assert lines[-1].startswith("next: rapsam predict ")
    assert all((tmp_path / "demo" / name).is_file() for name in PICTURES)
