"""What `rapsam predict` reads, what it leaves out and why, and under which names the results will stand."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from rapsam.data import images, videos
from rapsam.data.limits import check_file
from rapsam.data.unread import heic_reason, unread_reason
from rapsam.data.videos import VideoFrames
from rapsam.errors import InputError, quoted

_MOST_ENTRIES = 100_000
_EXAMPLES = "files such as .jpg, .png or .mp4"
_SHOWN = 3


class Listing(NamedTuple):
    """What was found.

    Attributes:
        named: Files to read by the names of their results: the file name without its suffix; with it where
            two inputs differ only in that. What lies in subfolders of a folder keeps its path below it.
        skipped: What folders hold beside these, and why it is not read.
        folders: The folders among the inputs.
    """

    named: dict[str, Path]
    skipped: dict[Path, str]
    folders: tuple[Path, ...]


def is_video(path: Path) -> bool:
    """Tells a video from an image by the end of its name; where that says nothing, by its content.

    Raises:
        InputError: If it is neither.
    """
    suffix = path.suffix.lower()
    if suffix in videos.SUFFIXES or suffix in images.SUFFIXES:
        return suffix in videos.SUFFIXES
    check_file(path, "image or video")
    reason = unread_reason(path) or heic_reason(path)
    if reason:
        raise InputError(f"{path} cannot be read: {reason}")
    return not _is_image(path) and _is_film(path)


def list_inputs(paths: Sequence[Path], *, recursive: bool = False) -> Listing:
    """Lists all inputs, folders opened.

    Args:
        paths: Images, videos, and folders of them.
        recursive: Whether subfolders are read too; symbolic links to folders never are.

    Raises:
        InputError: If a folder holds nothing to read or too much, the results of two inputs would get the
            same name, or the only input is no file.
    """
    found: dict[Path, Path] = {}
    skipped: dict[Path, str] = {}
    folders = tuple(path for path in paths if path.is_dir())
    for path in paths:
        if path not in folders:
            found.setdefault(path, Path())
            continue
        left_out: dict[Path, str] = {}
        inside = _read_folder(path, recursive, left_out)
        if not inside:
            raise _nothing_to_read(path, left_out)
        skipped.update(left_out)
        for file in inside:
            found.setdefault(file, file.parent.relative_to(path))
    if len(found) == 1 and not skipped:
        check_file(next(iter(found)), "image or video")
    return Listing(_named(found), skipped, folders)


def _named(found: Mapping[Path, Path]) -> dict[str, Path]:
    stems = Counter((place, file.stem) for file, place in found.items())
    named: dict[str, Path] = {}
    for file, place in found.items():
        name = str(place / (file.stem if stems[place, file.stem] == 1 else file.name))
        if name in named:
            raise InputError(
                f"{named[name]} and {file} have the same name, and so would their results; "
                "rename one, or predict them one by one with different --out"
            )
        named[name] = file
    return named


def _read_folder(folder: Path, recursive: bool, skipped: dict[Path, str]) -> list[Path]:
    files, waiting, seen = [], [folder], 0
    while waiting:
        here = waiting.pop()
        below = []
        for entry in _entries(here, folder, skipped):
            seen += 1
            reason = _reason_to_skip(entry, recursive)
            if reason:
                skipped[entry] = reason
            elif entry.is_dir():
                below.append(entry)
            else:
                files.append(entry)
        if seen > _MOST_ENTRIES:
            raise InputError(
                f"folder {folder} holds more than {_MOST_ENTRIES:,} files; expected fewer: split it up"
            )
        waiting.extend(reversed(below))
    return files


def _entries(here: Path, folder: Path, skipped: dict[Path, str]) -> Iterator[Path]:
    try:
        yield from sorted(itertools.islice(here.iterdir(), _MOST_ENTRIES + 1))
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
        if here == folder:
            raise InputError(f"folder {here} {reason}; expected one that you may read") from error
        skipped[here] = reason


def _reason_to_skip(entry: Path, recursive: bool) -> str:
    """Says why an entry of a folder is not read; nothing if it is a folder to open or a file to read."""
    if entry.name.startswith("."):
        return "hidden"
    if entry.is_dir():
        if entry.is_symlink():
            return "a symbolic link to a folder"
        return "" if recursive else "a subfolder; --recursive reads it"
    suffix = entry.suffix.lower()
    if suffix in (*images.SUFFIXES, *videos.SUFFIXES):
        return ""
    reason = unread_reason(entry)
    if reason:
        return reason
    return f"{quoted(suffix)} is no ending of an image or a video" if suffix else "a name without an ending"


def _nothing_to_read(folder: Path, skipped: Mapping[Path, str]) -> InputError:
    shown = [f"{path.name}: {reason}" for path, reason in itertools.islice(skipped.items(), _SHOWN)]
    more = [f"{len(skipped) - _SHOWN:,} more"] if len(skipped) > _SHOWN else []
    beside = f" ({'; '.join(shown + more)})" if skipped else ""
    return InputError(f"folder {folder} holds no image or video{beside}; expected {_EXAMPLES}")


def _is_image(path: Path) -> bool:
    # Sniffing a file that is no image can make a format's parser raise nearly anything.
    try:
        Image.open(path, formats=images.FORMATS).close()
    except Image.DecompressionBombError:
        return True
    except Exception:
        return False
    return True


def _is_film(path: Path) -> bool:
    try:
        VideoFrames(path)
    except InputError as error:
        raise InputError(
            f"{path} is neither an image nor a video that can be read; expected {_EXAMPLES}: convert it first"
        ) from error
    return True
