"""ONNX Runtime for Android: from a file of the user's, or from a package that is fetched once."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from rapsam.benchmarks.runners.android.tool import last_words
from rapsam.errors import BundleError, UnavailableError
from rapsam.files import write_atomic
from rapsam.untrusted import read_limited, read_start
from rapsam.user_cache import user_cache

VARIABLE = "RAPSAM_ANDROID_ORT"
LIBRARY = "libonnxruntime.so"
PACKAGE = "com.github.asus4.onnxruntime@0.4.9"
"""Of the npm registry, 150 MB; it holds Microsoft's build of ONNX Runtime 1.29.0 for Android."""
INTEGRITY = "BkzxduSZ9IkeDP6Q8lz2TFU2ie7hSSvS7ZIfzMooExoq0CNzJnuuGaUJ7IsojBgqO4ouD1jXah8OYyJbCN29Fg=="
_ARCHIVE = "package/Plugins/Android/onnxruntime.aar"
_MAX_BYTES = 512 << 20
_FETCH_S = 900.0
_MACHINES = {"arm64-v8a": 183, "x86_64": 62}
"""ELF's numbers of processors."""
_HOW = f"set {VARIABLE} to ONNX Runtime's .aar for Android, or to a {LIBRARY} of it"


def find_library(abi: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Finds ONNX Runtime for an Android device.

    Args:
        abi: The binary interface, "arm64-v8a" or "x86_64".
        environment: May name a file in `RAPSAM_ANDROID_ORT`.

    Raises:
        UnavailableError: If the file is none, is for another processor, or nothing can be fetched.
    """
    if named := environment.get(VARIABLE):
        path = Path(named)
        if path.suffix != ".aar":
            _check_machine(path, abi)
            return path
        return _kept(_of_archive(_content(path), abi, str(path)), abi)
    fetched = _cache() / f"fetched-{PACKAGE.rpartition('@')[2]}-{abi}.so"
    if not fetched.is_file():
        write_atomic(fetched, _of_archive(_fetched_archive(), abi, PACKAGE))
    return fetched


def _cache() -> Path:
    return user_cache() / "rapsam" / "android"


def _kept(library: bytes, abi: str) -> Path:
    """Keeps what lies in an archive as a file of its own."""
    path = _cache() / f"{hashlib.sha256(library).hexdigest()[:32]}-{abi}.so"
    if not path.is_file():
        write_atomic(path, library)
    return path


def _content(path: Path) -> bytes:
    try:
        return read_limited(path, _MAX_BYTES)
    except (OSError, BundleError) as error:
        raise UnavailableError(f"{VARIABLE} names {path}, which cannot be read ({error}); {_HOW}") from error


def _check_machine(path: Path, abi: str) -> None:
    try:
        start = read_start(path, 20)
    except (OSError, BundleError) as error:
        raise UnavailableError(f"{VARIABLE} names {path}, which cannot be read ({error}); {_HOW}") from error
    if start[:5] != b"\x7fELF\x02" or int.from_bytes(start[18:20], "little") != _MACHINES[abi]:
        raise UnavailableError(f"{VARIABLE} names {path}, which is no 64-bit library for {abi}; {_HOW}")


def _of_archive(archive: bytes, abi: str, name: str) -> bytes:
    """Returns the library that an Android archive holds."""
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as members:
            member = members.getinfo(f"jni/{abi}/{LIBRARY}")
            if member.file_size > _MAX_BYTES:
                raise UnavailableError(f"{name} holds a library of {member.file_size:,} bytes; {_HOW}")
            return members.read(member)
    except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError) as error:
        reason = last_words(str(error))
        raise UnavailableError(f"{name} holds no {LIBRARY} for {abi} ({reason}); {_HOW}") from error


def _fetched_archive() -> bytes:
    """Fetches the package by npm, and returns the archive in it if it is the one that is known."""
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError(f"no ONNX Runtime for Android, and no npm to fetch {PACKAGE}; {_HOW}")
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(
                [npm, "pack", PACKAGE, "--silent", "--ignore-scripts", "--pack-destination", scratch],
                cwd=scratch,  # no settings of the folder that the user is in
                capture_output=True,
                text=True,
                timeout=_FETCH_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(
                f"npm cannot fetch {PACKAGE} ({last_words(str(error))}); {_HOW}"
            ) from error
        packed = sorted(Path(scratch).glob("*.tgz"))
        if done.returncode or not packed:
            raise UnavailableError(f"npm cannot fetch {PACKAGE} ({last_words(done.stderr)}); {_HOW}")
        with packed[0].open("rb") as stream:
            digest = base64.b64encode(hashlib.file_digest(stream, "sha512").digest()).decode()
        if digest != INTEGRITY:
            raise UnavailableError(f"npm gives another {PACKAGE} than is known, sha512-{digest}; {_HOW}")
        with tarfile.open(packed[0]) as members:
            member = members.extractfile(_ARCHIVE)
            assert member is not None, "the digest is that of a package that has it"
            return member.read()
