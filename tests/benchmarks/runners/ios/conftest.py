"""A phone that is a folder, behind a program called xcrun."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from rapsam.benchmarks.runners.app_contract import APP_ID
from tests.benchmarks.runners.ios.phone import listing, old_device

FAKE = Path(__file__).with_name("fake_xcrun.py")


class FakePhone:
    """What the phone is and does; see `fake_xcrun`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "container" / "Documents").mkdir(parents=True)
        self.does("well")
        self.lists(old_device())
        self.answers("lock", {"result": {"passcodeRequired": False, "unlockedSinceBoot": True}})
        self.answers("apps", {"result": {"apps": [{"bundleIdentifier": APP_ID, "version": "1"}]}})

    def does(self, mode: str) -> None:
        (self.folder / "mode").write_text(mode)

    def lists(self, *devices: dict[str, Any]) -> None:
        self.answers("list", listing(*devices))

    def answers(self, what: str, content: Any) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (self.folder / f"{what}.json").write_text(text)

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()


@pytest.fixture
def phone(monkeypatch, tmp_path):
    programs = tmp_path / "programs"
    programs.mkdir()
    xcrun = programs / "xcrun"
    xcrun.write_text(f"#!{sys.executable}\n{FAKE.read_text()}")
    xcrun.chmod(0o755)
    folder = tmp_path / "phone"
    folder.mkdir()
    monkeypatch.setenv("PHONE", str(folder))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return FakePhone(folder)


@pytest.fixture
def measuring_phone(phone, tiny_outputs):
    """A phone that has an answer for the tiny bundle."""
    shutil.copytree(tiny_outputs, phone.folder / "outputs")
    return phone
