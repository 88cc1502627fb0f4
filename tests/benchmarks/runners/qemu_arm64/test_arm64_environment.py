"""The tools that fetch are small programs here: what is tested is what is made of their results."""

from __future__ import annotations

import io
import os
import platform
import sys
import tarfile
import tomllib
from pathlib import Path

import pytest

from rapsam.benchmarks.runners.qemu_arm64 import environment
from rapsam.benchmarks.runners.qemu_arm64.environment import (
    PYTHON,
    WHEELS,
    cannot_run,
    environment_places,
    make_environment,
)
from rapsam.errors import UnavailableError

FILES = {
    "./usr/bin/qemu-aarch64": b"an emulator",
    "./usr/bin/qemu-aarch64_be": b"another",
    "./usr/lib/python3.13/os.py": b"a library",
    f"./usr/bin/python{PYTHON}": b"a python",
    "./usr/share/doc/readme": b"text",
}
ADDRESS = "E: Failed to fetch http://example.org/InRelease  Could not connect"


def archive(extra=()):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, content in FILES.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            tar.addfile(member, io.BytesIO(content))
        for member in extra:
            tar.addfile(member)
    return made.getvalue()


def program(path: Path, text: str) -> str:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def tools(monkeypatch, tmp_path):
    """A folder that is first in PATH, with an mmdebstrap that sends the archive beside it."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "archive.tar").write_bytes(archive())
    program(
        folder / "mmdebstrap",
        f"""import pathlib, shutil, sys
folder = pathlib.Path({str(folder)!r})
with (folder / "called").open("a") as log: print(*sys.argv[1:], file=log)
shutil.copyfileobj((folder / "archive.tar").open("rb"), sys.stdout.buffer)
""",
    )
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RAPSAM_ARM64_ENV", str(tmp_path / "env"))
    return folder


def pip(folder: Path) -> list[str]:
    return [program(folder / "pip", "import sys, pathlib\npathlib.Path(sys.argv[6], 'numpy').mkdir()")]


def said(folder: Path) -> list[str]:
    return (folder / "called").read_text().splitlines()


def test_it_is_made_of_three_parts_and_then_works(tools):
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        assert cannot_run() == f"its environment is not there yet; run: python -m {environment.MODULE}"
    told = []
    make_environment(told.append, pip(tools))
    places = environment_places()
    assert places.program.read_bytes() == b"an emulator"
    assert os.access(places.python, os.X_OK)
    assert (places.root / "lib" / "python3.13" / "os.py").read_bytes() == b"a library"
    assert not (places.qemu / "usr/bin/qemu-aarch64_be").exists()
    assert not (places.root / "usr/share").exists()
    assert [path.name for path in places.wheels.iterdir()] == ["numpy"]
    assert (len(told), len(said(tools))) == (3, 2)
    assert "--architectures=arm64" not in said(tools)[0]
    assert "--architectures=arm64" in said(tools)[1]
    if (platform.system(), platform.machine()) == ("Linux", "x86_64"):
        assert cannot_run() is None


def test_what_is_there_is_not_fetched_again(tools):
    failing = [program(tools / "pip", "import sys; sys.exit('ERROR: no network')")]
    with pytest.raises(UnavailableError, match="pip cannot fetch the wheels for arm64: ERROR: no network"):
        make_environment(print, failing)
    assert len(said(tools)) == 2
    assert not environment_places().wheels.exists()
    make_environment(print, pip(tools))
    assert len(said(tools)) == 2
    make_environment(print, ["/nowhere/pip"])


@pytest.mark.usefixtures("tools")
def test_without_the_tool_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UnavailableError, match=r"mmdebstrap, .* apt-get install mmdebstrap"):
        make_environment(print)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            f"import sys; print({ADDRESS!r}, 'E: gives up', sep='\\n', file=sys.stderr); sys.exit(25)",
            "Failed to",
        ),
        ("import sys; sys.exit(3)", "empty file"),
        ("print('hello')", "cannot fetch qemu-user"),
        ("import os, sys; sys.stdout.buffer.write(open({archive!r}, 'rb').read()[:600])", "unexpected end"),
        ("import sys; sys.stdout.buffer.write(open({archive!r}, 'rb').read()); sys.exit(9)", "exit code 9"),
    ],
)
def test_a_tool_that_fails_leaves_nothing(tools, text, says):
    program(tools / "mmdebstrap", text.replace("{archive!r}", repr(str(tools / "archive.tar"))))
    with pytest.raises(UnavailableError, match=says) as error:
        make_environment(print)
    assert "\n" not in str(error.value)
    assert "gives up" not in str(error.value)
    assert not environment_places().qemu.parent.exists()


def test_an_archive_cannot_reach_outside(tools, tmp_path):
    hostile = []
    for name, kind, link in (
        ("./usr/lib/passwords", tarfile.SYMTYPE, "/etc/passwd"),
        ("./usr/lib/up", tarfile.SYMTYPE, "../../../../stolen"),
        ("./usr/lib/../../../stolen", tarfile.REGTYPE, ""),
        ("./usr/lib/disk", tarfile.BLKTYPE, ""),
    ):
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, link
        hostile.append(member)
    (tools / "archive.tar").write_bytes(archive(hostile))
    make_environment(print, pip(tools))
    assert sorted(path.name for path in (environment_places().root / "usr" / "lib").iterdir()) == [
        "python3.13"
    ]
    assert not list(tmp_path.rglob("stolen"))


def test_wheels_have_the_versions_of_this_toolkit():
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    pinned = {pin for extra in project["optional-dependencies"].values() for pin in extra}
    names = [wheel for wheel in WHEELS if wheel.startswith(("onnxruntime", "ai-edge-litert"))]
    assert len(names) == 2
    assert set(names) <= pinned
