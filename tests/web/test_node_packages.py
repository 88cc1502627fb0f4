from __future__ import annotations

import base64
import hashlib
import io
import tarfile

import pytest

from rapsam.errors import UnavailableError
from rapsam.web.node_packages import (
    FOLDER_VARIABLE,
    PACKAGES,
    NodePackage,
    fetch_package,
    missing_packages,
    package_folder,
)

FILES = ("dist/a.js", "b.wasm")


def archive(files: dict[str, bytes | None]) -> bytes:
    """Packs files as npm does; None is a link to a secret."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if content is None:
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


GOOD = {"package/dist/a.js": b"a", "package/b.wasm": b"b", "package/more.js": b"c", "../outside": b"d"}


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """Stands for npm: it writes what it is told to, and counts how often it is called."""
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "runtimes"))
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(data: bytes, says: str = "", code: int = 0) -> None:
        (tmp_path / "archive").write_bytes(data)
        script = (
            f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\n'
            f'for last; do :; done\n[ {code} = 0 ] && cp {tmp_path}/archive "$last/x.tgz"\n'
            f'echo "{says}" >&2\nexit {code}\n'
        )
        (folder / "npm").write_text(script)
        (folder / "npm").chmod(0o755)

    install.calls = tmp_path / "calls"
    return install


def package(data: bytes, files: tuple[str, ...] = FILES) -> NodePackage:
    return NodePackage(
        "@scope/name", "1.2.3", base64.b64encode(hashlib.sha512(data).digest()).decode(), files
    )


def test_a_package_is_fetched_once_and_only_what_pages_load_is_unpacked(npm, tmp_path):
    data = archive(GOOD)
    npm(data)
    folder = fetch_package(package(data))
    assert folder == tmp_path / "runtimes" / "@scope-name-1.2.3"
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    assert found == {"dist/a.js": b"a", "b.wasm": b"b"}
    assert not (tmp_path / "outside").exists()
    assert fetch_package(package(data)) == folder
    (call,) = npm.calls.read_text().splitlines()
    assert "pack @scope/name@1.2.3" in call
    assert "--ignore-scripts" in call


def test_a_package_that_lacks_a_file_is_fetched_anew(npm):
    data = archive(GOOD)
    npm(data)
    folder = fetch_package(package(data))
    (folder / "b.wasm").unlink()
    assert (fetch_package(package(data)) / "b.wasm").read_bytes() == b"b"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({**GOOD, "package/b.wasm": None}, "no plain file"),
        ({"package/dist/a.js": b"a"}, "is damaged"),
    ],
)
def test_an_archive_with_something_else_in_it_leaves_nothing_behind(npm, files, says):
    data = archive(files)
    npm(data)
    with pytest.raises(UnavailableError, match=says):
        fetch_package(package(data))
    assert not package_folder(package(data)).exists()


def test_another_archive_than_the_one_that_was_tried_is_refused(npm):
    npm(archive({**GOOD, "package/b.wasm": b"evil"}))
    with pytest.raises(UnavailableError, match=r"another @scope/name@1\.2\.3 than the one that was tried"):
        fetch_package(package(archive(GOOD)))
    assert not package_folder(package(archive(GOOD))).exists()


def test_what_npm_says_is_the_reason(npm):
    npm(b"", says="npm error code ENOTFOUND", code=1)
    with pytest.raises(
        UnavailableError, match=r"npm cannot fetch @scope/name@1\.2\.3: npm error code ENOTFOUND"
    ):
        fetch_package(package(b""))


def test_without_npm_the_reason_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnavailableError, match=r"needs npm, which comes with Node\.js"):
        fetch_package(PACKAGES[0])


def test_what_is_missing_is_named_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "none"))
    assert "run: python -m rapsam.web.node_packages" in missing_packages()
