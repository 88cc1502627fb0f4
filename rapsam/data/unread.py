"""Kinds of pictures and videos that are known by their names and cannot be read here, and why."""

from __future__ import annotations

from pathlib import Path

_RAW = (
    "a camera raw file, which holds no finished picture; develop it to JPEG with the camera's program first"
)
_HEIC = (
    "HEIC, of which no decoder here puts the tiles together; convert it to JPEG first, or set the camera to "
    "'Most Compatible'"
)
_KINDS = {
    _HEIC: (".heic", ".heif", ".heics", ".heifs", ".hif"),
    _RAW: (
        *(".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".iiq", ".kdc", ".mef"),
        *(".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf"),
        *(".srw", ".x3f"),
    ),
    "a picture of a kind that is not read here; convert it to PNG or JPEG first": (
        *(".dds", ".dib", ".emf", ".eps", ".exr", ".fits", ".hdr", ".icns", ".ico", ".jxl", ".jxr", ".pcx"),
        *(".pdf", ".pfm", ".psb", ".psd", ".qoi", ".sgi", ".svg", ".svgz", ".tga", ".wmf", ".xcf"),
    ),
    "a video of a kind that is not read here; convert it to MP4 first": (
        *(".braw", ".dv", ".dvr-ms", ".mxf", ".r3d", ".rm", ".rmvb", ".swf", ".wtv"),
    ),
}
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_REASONS = {suffix: reason for reason, suffixes in _KINDS.items() for suffix in suffixes}


def unread_reason(path: Path) -> str | None:
    """Tells by a file's name what it is and what to do, if it is a picture or video not read here.

    Returns:
        As in "HEIC, of which ...; convert it to JPEG first", to stand after the name and a colon; None for
        names of other kinds, which may be anything.
    """
    return _REASONS.get(path.suffix.lower())


def heic_reason(path: Path) -> str | None:
    """Tells by a file's first bytes, whatever its name, what to do with HEIC; None for any other content.

    Raises:
        OSError: If the file cannot be read.
    """
    with path.open("rb") as stream:
        start = stream.read(12)
    return _HEIC if start[4:8] == b"ftyp" and start[8:12] in _HEIC_BRANDS else None
