"""The kinds of data sets that can be read, and how each is recognised on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from rapsam.data.sources.ade20k_panoptic import Ade20kPanoptic
from rapsam.data.sources.coco_instances import CocoInstances
from rapsam.data.sources.coco_panoptic import CocoPanoptic
from rapsam.data.sources.opened import OpenedSource
from rapsam.data.sources.vipseg import Vipseg
from rapsam.data.sources.youtube_vis_2019 import YoutubeVis2019
from rapsam.errors import InputError, unknown_name


class Kind(NamedTuple):
    """A kind of data set.

    Attributes:
        open: Opens a split below a resolved root.
        splits: Names of the splits, as the owners have them: to train on, to validate on, others.
        marks: Sets of paths below the root; where all of one set exist, the split is there.
    """

    open: Callable[[Path, str], OpenedSource]
    splits: tuple[str, ...]
    marks: tuple[tuple[str, ...], ...]


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
}


def open_source(kind: str, root: str | Path, split: str) -> OpenedSource:
    """Opens a data set.

    Args:
        kind: A name in `SOURCES`.
        root: Its folder, as its owners lay it out.
        split: As in "train" or "val".

    Raises:
        InputError: If there is no such kind or folder, or the annotation file is missing or damaged.
    """
    return _known_kind(kind).open(existing_folder(Path(root)), split)


def validation_split(kind: str) -> str:
    """Names the split that the owners of a kind of data set validate on.

    Raises:
        InputError: If there is no such kind.
    """
    return _known_kind(kind).splits[1]


def open_annotated(kind: str, root: str | Path, split: str) -> OpenedSource:
    """Opens a data set to learn from or to be scored on.

    Raises:
        InputError: As `open_source`, or if nothing in it is annotated: some owners keep the annotations of a
            split to themselves.
    """
    source = open_source(kind, root, split)
    if not source.contents().segments:
        raise InputError(
            f"{root}: no image or video of {kind} {split!r} has an annotation; take another split"
        )
    return source


def data_key(kind: str, root: Path, split: str) -> str:
    """Gives a text that changes with the folder of a data set and with its annotation file."""
    resolved = existing_folder(root)
    marks = [path.format(split=split) for mark in _known_kind(kind).marks for path in mark]
    states = [(resolved / path).stat() for path in marks if (resolved / path).is_file()]
    return " ".join([str(resolved), *(f"{state.st_size} {state.st_mtime_ns}" for state in states)])


def splits_in(kind: str, folder: Path) -> list[str]:
    """Names the splits of a kind whose files lie in a folder."""
    found = SOURCES[kind]
    return [
        split
        for split in found.splits
        if any(all((folder / path.format(split=split)).exists() for path in mark) for mark in found.marks)
    ]


def existing_folder(path: Path) -> Path:
    """Gives the resolved path of a folder.

    Raises:
        InputError: If it is none.
    """
    if not path.is_dir():
        what = "is a file" if path.exists() else "does not exist"
        raise InputError(f"{path} {what}; expected the folder of a data set")
    return path.resolve()


def _known_kind(kind: str) -> Kind:
    if kind not in SOURCES:
        raise unknown_name("kind of data set", kind, SOURCES)
    return SOURCES[kind]
