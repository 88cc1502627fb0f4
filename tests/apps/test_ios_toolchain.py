"""What builds the iOS app's code: where its tools are, and what is said where they cannot be had."""

from __future__ import annotations

import os

import pytest

from apps.ios.toolchain import swift as swift_module
from apps.ios.toolchain import tools as tools_module
from apps.ios.toolchain.swift import checked, in_chroot, swift_build
from apps.ios.toolchain.tools import FOLDER_VARIABLE, fetch_tools, find_tools, missing
from rapsam.errors import ExportError, UnavailableError


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder for tools, with programs that do what a test writes into them."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "tools"))
    monkeypatch.setattr(tools_module, "fetch", lambda _, folder: (folder / "fetched").touch())
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("mmdebstrap", "unshare", "chroot", "npm"):
        program(programs, name, "exit 0")
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return programs


def program(folder, name, script):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.mark.usefixtures("place")
def test_without_tools_it_says_how_to_get_them():
    assert missing() == "the tools to build the iOS app's code are not there yet; run: make ios-check"


@pytest.mark.usefixtures("place")
def test_without_root_it_says_so(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "takes root" in missing()
    with pytest.raises(UnavailableError, match="run this as root"):
        fetch_tools(print)


def test_without_the_program_that_makes_chroots_it_says_so(place, monkeypatch):
    (place / "npm").unlink()
    monkeypatch.setenv("PATH", str(place))
    with pytest.raises(UnavailableError, match=r"npm is not installed; .* apt-get install mmdebstrap"):
        fetch_tools(print)


def test_tools_are_fetched_once(place):
    program(place, "chroot", "printf 6.0.3-2")
    program(place, "mmdebstrap", 'echo "$@" > "${0%/*}/asked"; mkdir -p "$4/usr"')
    said = []
    tools = fetch_tools(said.append)
    assert [line.split()[0] for line in said] == ["fetching", "making"]
    assert "--include=swiftlang," in (place / "asked").read_text()
    assert (tools.onnx_runtime / "libonnxruntime.so").is_symlink()
    assert missing() is None
    assert fetch_tools(said.append) == find_tools()
    assert len(said) == 2


def test_a_chroot_that_cannot_be_made_leaves_the_first_complaint_and_nothing_else(place):
    program(
        place, "mmdebstrap", "echo 'I: begins' >&2; echo 'E: no mirror' >&2; echo 'E: gives up' >&2; exit 25"
    )
    with pytest.raises(UnavailableError, match="mmdebstrap cannot make the chroot: no mirror"):
        fetch_tools(print)
    assert not find_tools().swift.exists()


def test_another_compiler_than_is_known_is_refused(place):
    program(place, "chroot", "printf 6.2.3-1")
    with pytest.raises(
        UnavailableError, match=r"another Swift than is known \(6\.2\.3-1\); expected 6\.0\.3"
    ):
        fetch_tools(print)


def test_what_a_command_said_is_told_when_it_fails(place):
    program(place, "unshare", "echo 'error: no such module'; exit 1")
    done = in_chroot(find_tools(), ["swiftc", "a.swift"])
    with pytest.raises(ExportError, match=r"swift failed:\nerror: no such module"):
        checked(done, "swift")


def test_a_command_sees_only_what_it_is_given_at_its_own_place(place, tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    program(place, "unshare", 'for word; do echo "$word"; done')
    script = in_chroot(find_tools(), ["swift", folder / "a b.swift"], folders=[folder]).stdout
    root = find_tools().swift
    assert f"mount --bind '{folder}' '{root}{folder}'" in script
    assert f"'{folder}/a b.swift'" in script
    assert "--net" in script


def test_a_command_sees_no_device_but_those_that_every_program_needs(place):
    program(place, "unshare", 'for word; do echo "$word"; done')
    script = in_chroot(find_tools(), ["swift"]).stdout
    root = find_tools().swift
    bound = [line.split()[2] for line in script.splitlines() if line.startswith("mount --bind /dev")]
    assert bound == ["/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"]
    assert f"mount -t tmpfs tmpfs {root}/dev" in script
    assert "rbind" not in script


def test_a_command_that_does_not_end_is_told_in_one_line(place):
    program(place, "unshare", "exec sleep 30")
    with pytest.raises(
        UnavailableError, match=r"^swift build did not end within 0\.2 s; run it again"
    ) as told:
        in_chroot(find_tools(), ["swift", "build"], patience_s=0.2)
    assert "\n" not in str(told.value)


def test_a_maker_of_chroots_that_does_not_end_is_told_in_one_line(place, monkeypatch):
    monkeypatch.setattr(tools_module, "_PATIENCE_S", 0.2)
    program(place, "mmdebstrap", "exec sleep 30")
    with pytest.raises(UnavailableError, match=r"^mmdebstrap did not end within 0\.2 s"):
        fetch_tools(print)


def test_a_machine_that_allows_no_mounts_is_told(place, monkeypatch):
    program(place, "unshare", "echo 'unshare failed: Operation not permitted' >&2; exit 1")
    with pytest.raises(UnavailableError, match=r"not allow: unshare failed: Operation not permitted; run"):
        fetch_tools(print)
    for folder in find_tools():
        folder.mkdir(parents=True)
    assert missing().endswith("does not allow: unshare failed: Operation not permitted")
    (place / "unshare").unlink()
    monkeypatch.setenv("PATH", str(place))
    assert missing().startswith("unshare is not installed")


def test_a_package_manager_that_crashes_is_asked_once_more(place, tmp_path, monkeypatch):
    monkeypatch.setattr(swift_module, "BUILD", tmp_path / "build")
    once = 'cd "${0%/*}"; echo run >> runs; [ -e crashed ] && exit 0; touch crashed; kill -9 $$'
    program(place, "unshare", once)
    assert swift_build(find_tools(), "test").returncode == 0
    assert (place / "runs").read_text() == "run\nrun\n"
    program(place, "unshare", 'echo run >> "${0%/*}/runs"; exit 1')
    assert swift_build(find_tools(), "test").returncode == 1
    assert (place / "runs").read_text().count("run") == 3
