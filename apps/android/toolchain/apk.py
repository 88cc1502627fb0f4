"""Apps as archives: putting one together, and looking at one."""

from __future__ import annotations

import os
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from apps.android.toolchain.bionic import load_alignments
from rapsam.errors import ExportError

BUNDLE = "assets/bundle/"
"""Where the bundle's files are in an app."""
ALIGNMENT = 4
"""Of entries that are stored as they are: Android reads them where they lie."""
PAGE_BYTES = 16384
"""Of the largest pages that phones have: libraries must be aligned to them."""
FOR_SMALL_PAGES = ("libtensorflowlite_jni.so",)
"""Libraries of which there is no build for larger pages: they do not load on phones that have them."""
_LOCAL_HEADER_BYTES = 30
_ALIGNING_FIELD = 0xD935
_EPOCH = (1981, 1, 1, 1, 1, 2)
_BADGING = {
    "package": re.compile(r"^package: name='([^']*)'", re.M),
    "min_sdk": re.compile(r"^(?:minSdkVersion|sdkVersion):'([^']*)'", re.M),
    "target_sdk": re.compile(r"^targetSdkVersion:'([^']*)'", re.M),
    "launched": re.compile(r"^launchable-activity: name='([^']*)'", re.M),
    "permission": re.compile(r"^uses-permission: name='([^']*)'", re.M),
    "abi": re.compile(r"^native-code: (.*)$", re.M),
}


class Badging(NamedTuple):
    """What an app says of itself.

    Attributes:
        package: Its name for Android.
        min_sdk: Oldest version of Android.
        target_sdk: The version that it is made for.
        launched: Its first screen.
        permissions: What it asks for.
        abis: Of its libraries.
    """

    package: str
    min_sdk: str
    target_sdk: str
    launched: str
    permissions: tuple[str, ...]
    abis: tuple[str, ...]


def write_apk(base: Path, files: Mapping[str, bytes], target: Path) -> None:
    """Puts an app together.

    Args:
        base: With the manifest and the resources, as aapt2 links them.
        files: What is added, compressed: path to content.
        target: The archive, not signed yet; stored entries are aligned.
    """
    with zipfile.ZipFile(base) as linked, zipfile.ZipFile(target, "w") as apk:
        for entry in linked.infolist():
            _add(apk, entry.filename, linked.read(entry), entry.compress_type)
        for path, content in files.items():
            _add(apk, path, content, zipfile.ZIP_DEFLATED)


def _add(apk: zipfile.ZipFile, path: str, content: bytes, method: int) -> None:
    entry = zipfile.ZipInfo(path, _EPOCH)
    entry.compress_type = method
    entry.external_attr = 0o644 << 16
    if method == zipfile.ZIP_STORED:
        entry.extra = _filler(apk.start_dir + _LOCAL_HEADER_BYTES + len(path.encode()))
    apk.writestr(entry, content)


def _filler(start: int) -> bytes:
    """Makes a field of a header that moves the content to its place; the signer knows it, and keeps that."""
    size = 6 + -(start + 6) % ALIGNMENT
    return struct.pack("<HHH", _ALIGNING_FIELD, size - 4, ALIGNMENT) + bytes(size - 6)


def check_apk(apk: Path) -> None:
    """Checks that stored entries and libraries lie as Android wants them.

    Raises:
        ExportError: If one does not.
    """
    with zipfile.ZipFile(apk) as archive, apk.open("rb") as stream:
        for entry in archive.infolist():
            if entry.compress_type == zipfile.ZIP_STORED and _start(stream.fileno(), entry) % ALIGNMENT:
                raise ExportError(f"{entry.filename} in {apk.name} is not aligned to {ALIGNMENT} bytes")
            if entry.filename.endswith(".so"):
                smallest = min(load_alignments(archive.read(entry)))
                if smallest < PAGE_BYTES and Path(entry.filename).name not in FOR_SMALL_PAGES:
                    raise ExportError(
                        f"{entry.filename} in {apk.name} is aligned to pages of {smallest} bytes; expected "
                        f"{PAGE_BYTES}: newer phones refuse it"
                    )


def _start(handle: int, entry: zipfile.ZipInfo) -> int:
    """Returns where the content of an entry begins."""
    header = os.pread(handle, _LOCAL_HEADER_BYTES, entry.header_offset)
    name, extra = struct.unpack_from("<HH", header, 26)
    return entry.header_offset + _LOCAL_HEADER_BYTES + int(name) + int(extra)


def read_badging(text: str) -> Badging:
    """Reads what `aapt2 dump badging` says.

    Raises:
        ExportError: If a part is missing.
    """
    found = {name: pattern.findall(text) for name, pattern in _BADGING.items()}
    lost = [name for name, values in found.items() if not values and name not in ("permission", "abi")]
    if lost:
        raise ExportError(f"the app does not say its {', '.join(lost)}")
    abis = re.findall(r"'([^']*)'", found["abi"][0]) if found["abi"] else []
    return Badging(
        found["package"][0],
        found["min_sdk"][0],
        found["target_sdk"][0],
        found["launched"][0],
        tuple(found["permission"]),
        tuple(abis),
    )
