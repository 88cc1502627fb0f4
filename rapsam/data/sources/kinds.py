"""The kinds of data sets that can be read, and how each is recognised on disk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rapsam.data.sources.ade20k_panoptic import Ade20kPanoptic
from rapsam.data.sources.coco_instances import CocoInstances
from rapsam.data.sources.coco_panoptic import CocoPanoptic
from rapsam.data.sources.opened import OpenedSource
from rapsam.data.sources.orientation import Described, check_decided
from rapsam.data.sources.sa1b import Sa1b
from rapsam.data.sources.sa1b_index import annotations_key, holds_list, holds_split
from rapsam.data.sources.stored_pixels import survey_orientations
from rapsam.data.sources.vipseg import Vipseg
from rapsam.data.sources.youtube_vis_2019 import YoutubeVis2019
from rapsam.errors import InputError, quoted, unknown_name


class Kind(NamedTuple):
    """A kind of data set.

    Attributes:
        open: Opens a split below a resolved root.
        splits: Names of the splits, as the owners have them: to train on, to validate on, others.
        marks: Sets of paths below the root; where all of one set exist, the split is there.
        holds: Tells whether a split is there, where there are no marks.
        spans: Tells whether folders below are parts of a split, and no data sets of this kind themselves.
        key: Returns what changes with the annotations of a split, where there are no marks.
    """

    open: Callable[[Path, str], OpenedSource]
    splits: tuple[str, ...]
    marks: tuple[tuple[str, ...], ...]
    holds: Callable[[Path, str], bool] | None = None
    spans: Callable[[Path, str], bool] | None = None
    key: Callable[[Path, str], str] | None = None


SOURCES = {
    "coco_panoptic": Kind(CocoPanoptic, ("train", "val"), (("annotations/panoptic_{split}2017.json",),)),
    "coco_instances": Kind(CocoInstances, ("train", "val"), (("annotations/instances_{split}2017.json",),)),
    "youtube_vis_2019": Kind(
        YoutubeVis2019,
        ("train", "valid", "test"),
        (("{split}/instances.json",), ("{split}.json", "{split}/JPEGImages")),
    ),
    "ade20k_panoptic": Kind(Ade20kPanoptic, ("train", "val"), (("ade20k_panoptic_{split}.json",),)),
    "vipseg": Kind(Vipseg, ("train", "val"), (("panoptic_gt_VIPSeg_{split}.json",),)),
    "sa1b": Kind(Sa1b, ("train", "val"), (), holds_split, holds_list, annotations_key),
}


def open_source(kind: str, root: str | Path, split: str) -> OpenedSource:
    """Opens a data set.

    Args:
        kind: A name in `SOURCES`.
        root: Its folder, as its owners lay it out.
        split: As in "train" or "val".

    Raises:
        InputError: If there is no such kind, split or folder, or the annotation file is missing or damaged.
    """
    known = _known_kind(kind)
    if not re.fullmatch(r"[\w.-]*\w", split):
        raise InputError(f"split {quoted(split)}; expected the name of one, such as {known.splits[1]!r}")
    folder = existing_folder(Path(root))
    try:
        return known.open(folder, split)
    except InputError as error:
        if _has_split(kind, folder, split):
            raise
        raise InputError(
            f"{root} is not the folder of a {kind} data set with a split {split!r}: "
            f"{_needed(known, split) or error}{_others_near(folder, root)}"
        ) from error


def validation_split(kind: str) -> str:
    """Names the split that the owners of a kind of data set validate on.

    Raises:
        InputError: If there is no such kind.
    """
    return _known_kind(kind).splits[1]


def open_annotated(
    kind: str, root: str | Path, split: str, described: Described | None = None
) -> OpenedSource:
    """Opens a data set to learn from or to be scored on.

    The headers of all images are read, for their EXIF orientations.

    Args:
        kind: A name in `SOURCES`.
        root: Its folder.
        split: As in "train" or "val".
        described: The pixels that annotations describe, of files whose sizes do not tell; None to go by
            the other files of the data set.

    Raises:
        InputError: As `open_source`, or if no annotations can be read, no image has one (some owners
            keep those of a split to themselves, and ids may be numbers in one place and texts in another), or
            if there is a file of which nothing tells whether its annotation follows its EXIF orientation.
    """
    source = open_source(kind, root, split)
    if not source.has_annotations():
        if not source.contents().segments:
            raise InputError(
                f"{root}: no image or video of {kind} {split!r} has an annotation; take another split"
            )
        stray = next(source.strays())
        raise InputError(f"no annotation belongs to a listed image or video; the first fault: {stray}")
    if source.described is None:
        source.described = described or check_decided(survey_orientations(source.pictures()))
    return source


def data_key(kind: str, root: Path, split: str) -> str:
    """Returns a text that changes with the folder of a data set and with its annotation files.

    Raises:
        InputError: If there is no such kind or folder, or nothing says which images the split has.
    """
    resolved, known = existing_folder(root), _known_kind(kind)
    if known.key is not None:
        return f"{resolved} {known.key(resolved, split)}"
    marks = [path.format(split=split) for mark in known.marks for path in mark]
    states = [(resolved / path).stat() for path in marks if (resolved / path).is_file()]
    return " ".join([str(resolved), *(f"{state.st_size} {state.st_mtime_ns}" for state in states)])


def splits_in(kind: str, folder: Path) -> list[str]:
    """Names the splits of a kind whose files lie in a folder."""
    return [split for split in SOURCES[kind].splits if _has_split(kind, folder, split)]


def found_below(
    folder: Path, depth: int, kinds: Sequence[str] = tuple(SOURCES)
) -> Iterator[tuple[str, Path, str]]:
    """Yields kind, folder and split of the data sets in a folder and so many folders below it.

    Raises:
        OSError: If a folder cannot be read; `filename` is its path.
    """
    yield from ((kind, folder, split) for kind in kinds for split in splits_in(kind, folder))
    if depth:
        left = [kind for kind in kinds if not _spans(kind, folder)]
        for inner in sorted(path for path in folder.iterdir() if path.is_dir()):
            yield from found_below(inner, depth - 1, left)


def _spans(kind: str, folder: Path) -> bool:
    known = SOURCES[kind]
    return known.spans is not None and any(known.spans(folder, split) for split in known.splits)


def _has_split(kind: str, folder: Path, split: str) -> bool:
    """Tells whether the files by which a split is known lie in a folder."""
    known = SOURCES[kind]
    if known.holds is not None:
        return known.holds(folder, split)
    return any(all((folder / path.format(split=split)).exists() for path in mark) for mark in known.marks)


def existing_folder(path: Path) -> Path:
    """Returns the resolved path of a folder.

    Raises:
        InputError: If it is none.
    """
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise InputError(f"{path} {what}; expected the folder of a data set")
    return path.resolve()


def _needed(kind: Kind, split: str) -> str:
    """Says what is not there; empty for a kind without marks, whose reader says it."""
    sets = (" and ".join(path.format(split=split) for path in mark) for mark in kind.marks)
    needed = ", or ".join(sets)
    return needed and f"expected {needed} in it"


def _others_near(folder: Path, root: str | Path) -> str:
    """Says what data sets a folder or the one above holds."""
    if others := _others_in(folder, 1):
        return f"; {root} holds what {others} would read"
    if others := _others_in(folder.parent, 0):
        return f"; the folder above holds what --data {folder.parent} {others} would read"
    return "; name another folder, --kind or --split"


def _others_in(folder: Path, depth: int) -> str:
    """Names the data sets in a folder and so many below, as options; empty if there is none."""
    try:
        found = list(found_below(folder, depth))
    except OSError:
        return ""  # what cannot be read is told by whoever reads it
    return ", ".join(
        (f"--data {place} " if place != folder else "") + f"--kind {kind} --split {split}"
        for kind, place, split in found
    )


def _known_kind(kind: str) -> Kind:
    if kind not in SOURCES:
        raise unknown_name("kind of data set", kind, SOURCES)
    return SOURCES[kind]
