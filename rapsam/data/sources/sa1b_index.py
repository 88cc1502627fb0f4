"""Which images of SA-1B are read: all of a folder, or those that a text file lists."""

from __future__ import annotations

import hashlib
import os
import re
from array import array
from collections.abc import Iterator
from itertools import islice, repeat
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapsam.data.limits import check_file
from rapsam.data.sources.faults import DataSetError
from rapsam.errors import InputError, quoted
from rapsam.tasks.arrays import Indices

WHOLE = "train"
"""The split that has all images of a folder, where no file lists any."""
_STEM = r"sa_(0|[1-9]\d{0,17})"
_OURS = re.compile(r"sa_.*\.(?:jpg|json)", re.DOTALL)
_NAME = re.compile(_STEM + r"\.(?:jpg|json)")
_LISTED = re.compile(rf"(?:\./)?(?:(?P<folder>[^\0]+)/)?{_STEM}\.jpg")
_MOST_BYTES = 1 << 30
"""Of a list; all 11 million images, each with its folder, take a quarter of it."""
_LONGEST = 4096
_ENCODING = "utf-8-sig"
"""Some editors put a mark in front of UTF-8."""
_MOST_FOLDERS = 1 << 15
"""SA-1B comes in a thousand archives."""


class ImageIndex(NamedTuple):
    """Images in the order of their folders, then of their numbers: 10 bytes each, no Python object.

    Attributes:
        numbers: (N,) int64, as in the names sa_NUMBER.jpg.
        folder_of: (N,) uint16, place in `folders`.
        folders: Below the root, "" for the root itself.
    """

    numbers: Indices
    folder_of: npt.NDArray[np.uint16]
    folders: tuple[str, ...]

    def folder(self, index: int) -> str:
        """Returns the folder of an image below the root."""
        return self.folders[int(self.folder_of[index])]

    def stem(self, index: int) -> str:
        """Returns the path of an image below the root, without its suffix."""
        return str(PurePosixPath(self.folder(index)) / f"sa_{self.numbers[index]}")


def open_index(root: Path, split: str) -> ImageIndex:
    """Finds the images of a split.

    Args:
        root: Folder of the data set.
        split: Name of the list, without its ".txt"; `WHOLE` needs none.

    Raises:
        InputError: If there is no image, the list is missing or damaged, or an image stands there twice.
    """
    listed = list_path(root, split)
    if not listed.exists() and split == WHOLE:
        return _index_of_folder(root)
    check_file(listed, "list")
    if (size := listed.stat().st_size) > _MOST_BYTES:
        raise InputError(f"{listed} has {size:,} bytes; expected a list of at most {_MOST_BYTES:,}: split it")
    return _index_of_list(listed)


def list_path(root: Path, split: str) -> Path:
    """Names the file that lists the images of a split, which may not exist."""
    return root / f"{split}.txt"


def holds_split(root: Path, split: str) -> bool:
    """Tells whether a folder has a list of images of this name, or, for `WHOLE`, images without a list."""
    listed = list_path(root, split)
    try:
        if listed.is_file():
            with listed.open(encoding=_ENCODING) as lines:
                return _LISTED.fullmatch(lines.readline(_LONGEST).rstrip("\r\n")) is not None
        return split == WHOLE and any(_NAME.fullmatch(name) for name in _names(root))
    except (InputError, OSError, ValueError):
        return False  # whoever opens it is told


def holds_list(root: Path, split: str) -> bool:
    """Tells whether a folder has a list of images of this name; folders below are parts of its data set."""
    return holds_split(root, split) and list_path(root, split).is_file()


def annotations_key(root: Path, split: str) -> str:
    """Returns a digest that changes with the images of a split, and the size or time of any annotation file.

    Raises:
        InputError: As `open_index`.
    """
    index, digest = open_index(root, split), hashlib.sha256()
    for place in range(len(index.numbers)):
        stem = index.stem(place)
        digest.update(f"{stem} {_state(root / f'{stem}.json')}\n".encode())
    return digest.hexdigest()


def _state(path: Path) -> str:
    try:
        state = path.stat()
    except (OSError, ValueError):
        return "missing"  # whoever reads it is told
    return f"{state.st_size} {state.st_mtime_ns}"


def odd_names(root: Path) -> Iterator[DataSetError]:
    """Yields a fault for each file that looks like one of SA-1B's, but has no number in its name."""
    for name in _names(root):
        if _OURS.fullmatch(name) and not _NAME.fullmatch(name):
            yield DataSetError(
                "stray annotation", f"{root / name} is not read; expected names such as sa_223750.jpg"
            )


def _index_of_folder(root: Path) -> ImageIndex:
    found = array("q")
    for name in _names(root):
        if match := _NAME.fullmatch(name):
            found.append(int(match[1]))
    # Image and annotations have one number: what lacks the other is told when it is read.
    numbers = np.unique(np.frombuffer(found, np.int64))
    if not len(numbers):
        raise InputError(
            f"{root} holds no sa_NUMBER.jpg with its sa_NUMBER.json; expected them in the folder itself, or "
            f"a file {WHOLE}.txt there that lists images in folders below"
        )
    return ImageIndex(numbers, np.zeros(len(numbers), np.uint16), ("",))


def _names(root: Path) -> Iterator[str]:
    try:
        with os.scandir(root) as entries:
            yield from (entry.name for entry in entries)
    except OSError as error:
        raise InputError(
            f"cannot look into {root}: {error.strerror}; expected a folder that you may read"
        ) from error


def _index_of_list(path: Path) -> ImageIndex:
    numbers, folder_of = array("q"), array("H")
    places: dict[str, int] = {}
    for line, text in enumerate(_lines(path), start=1):
        folder, number = _entry(path, line, text)
        numbers.append(number)
        folder_of.append(places.setdefault(folder, len(places)))
        if len(places) > _MOST_FOLDERS:
            raise InputError(f"{path} names more than {_MOST_FOLDERS:,} folders; expected those of archives")
    return _sorted(path, np.frombuffer(numbers, np.int64), np.frombuffer(folder_of, np.uint16), tuple(places))


def _lines(path: Path) -> Iterator[str]:
    """Yields the lines of a list; empty ones at its end are none."""
    empty = 0
    try:
        with path.open(encoding=_ENCODING) as lines:
            while text := lines.readline(_LONGEST):
                if not (text := text.rstrip("\r\n")):
                    empty += 1
                    continue
                yield from repeat("", empty)
                empty = 0
                yield text
    except (OSError, ValueError) as error:
        raise InputError(f"cannot read {path}: {error}; expected a text file of image names") from error


def _entry(path: Path, line: int, text: str) -> tuple[str, int]:
    found = _LISTED.fullmatch(text)
    folder = PurePosixPath((found and found["folder"]) or "")
    if found is None or folder.is_absolute() or ".." in folder.parts:
        raise InputError(
            f"{path}: line {line} is {quoted(text)}; expected an image below {path.parent}, such as "
            "sa_000020/sa_223750.jpg"
        )
    return "" if folder == PurePosixPath() else folder.as_posix(), int(found[2])


def _sorted(
    path: Path, numbers: Indices, folder_of: npt.NDArray[np.uint16], folders: tuple[str, ...]
) -> ImageIndex:
    unique, counts = np.unique(numbers, return_counts=True)
    if not len(unique):
        raise InputError(f"{path} lists no image; expected at least one")
    if twice := list(islice(unique[counts > 1], 1)):
        raise InputError(f"{path} lists sa_{twice[0]}.jpg twice; expected each image once, in one folder")
    ordered = sorted(range(len(folders)), key=folders.__getitem__)
    rank = np.empty(len(folders), np.uint16)
    rank[ordered] = np.arange(len(folders))
    order = np.lexsort((numbers, rank[folder_of]))
    return ImageIndex(numbers[order], rank[folder_of][order], tuple(folders[place] for place in ordered))
