"""Looking through data sets: what is there, what is missing, what is broken. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from rapsam.data.sources.categories import repeated_names
from rapsam.data.sources.faults import SEEN_IN_PIXELS, DataSetError
from rapsam.data.sources.kinds import SOURCES, existing_folder, found_below
from rapsam.data.sources.opened import OpenedSource
from rapsam.data.sources.orientation import Described, Picture, check_decided
from rapsam.data.sources.stored_pixels import survey_orientations
from rapsam.errors import InputError

SAMPLE = 25
"""Images, or videos by one frame each, that are decoded when not all are."""
_NAMED = 3
_DEPTH = 2

Progress = Callable[[str], None]


class FaultCount(msgspec.Struct, kw_only=True):
    """Faults of one kind: how many images, videos or annotations have it, and the first message."""

    kind: str
    count: int
    first: str


class SourceReport(msgspec.Struct, kw_only=True):
    """What is known of one split of a data set.

    Attributes:
        kind: Kind of data set.
        split: As in "val".
        folder: Its root, relative to the folder that was searched.
        images: Images, or frames of all videos.
        videos: 0 for a data set of images.
        segments: Things and stuff regions that the annotations list.
        classes: Classes of the label set.
        decoded: Images or frames whose pixels and masks were read.
        missing: Files that the annotations name and that do not exist.
        first_missing: The first of them, relative to the folder that was searched.
        broken: Faults by kind.
        notes: What may surprise though nothing is broken, a line each.
    """

    kind: str
    split: str
    folder: str
    images: int = 0
    videos: int = 0
    segments: int = 0
    classes: int = 0
    decoded: int = 0
    missing: int = 0
    first_missing: list[str] = []
    broken: list[FaultCount] = []
    notes: list[str] = []

    @property
    def is_well(self) -> bool:
        """Whether nothing is missing or broken."""
        return not self.missing and not self.broken


def check_below(folder: Path, *, full: bool, progress: Progress) -> list[SourceReport]:
    """Checks all data sets that lie in a folder or up to two folders below it.

    Entries are compared with each other and all files are looked for. Images and masks are decoded.

    Args:
        folder: Where to look.
        full: Whether to decode all images, instead of `SAMPLE` of each data set.
        progress: Is told again and again what is being done.

    Returns:
        One report for each split of each data set.

    Raises:
        InputError: If the folder does not exist or holds no data set of a known kind.
    """
    root = existing_folder(folder)
    found = _found_below(root)
    if not found:
        raise InputError(
            f"no data set in {folder}; expected files such as annotations/panoptic_val2017.json, "
            "train/instances.json, ade20k_panoptic_val.json, panoptic_gt_VIPSeg_val.json or sa_1.json in it "
            f"or up to {_DEPTH} folders below"
        )
    return [_Check(root, kind, place, split).run(full, progress) for kind, place, split in found]


def _found_below(root: Path) -> list[tuple[str, Path, str]]:
    try:
        return list(found_below(root, _DEPTH))
    except OSError as error:
        raise InputError(
            f"cannot look into {error.filename}: {error.strerror}; expected folders that you may read: "
            "check the others one by one"
        ) from error


class _Check:
    """The check of one split; gathers its report."""

    def __init__(self, root: Path, kind: str, place: Path, split: str) -> None:
        self._root, self._place = root, place
        folder = place.relative_to(root).as_posix()
        self._report = SourceReport(kind=kind, split=split, folder=folder)

    def run(self, full: bool, progress: Progress) -> SourceReport:
        report = self._report
        name = f"{report.kind} {report.split}"
        progress(f"{name}: reading the annotation file")
        try:
            source = SOURCES[report.kind].open(self._place.resolve(), report.split)
        except InputError as error:
            self._count("annotation file", str(error))
            return report
        report.classes = len(source.label_set.labels)
        report.notes += repeated_names(source.label_set)
        self._check_orientations(source, lambda number: progress(f"{name}: looking at image {number}"))
        for stray in source.strays():
            self._count(stray.kind, str(stray))
        whole = []
        for index in range(len(source)):
            progress(f"{name}: comparing entry {index + 1} of {len(source)}")
            if self._entry_is_whole(source, index):
                whole.append(index)
        # Only now, for then no annotations are read a second time to be counted.
        report.images, report.videos, report.segments = source.contents()
        chosen = whole if full else whole[:: max(1, -(-len(whole) // SAMPLE))]
        for done, index in enumerate(chosen, start=1):
            progress(f"{name}: decoding {done} of {len(chosen)}")
            self._decode(source, index, full)
        return report

    def _entry_is_whole(self, source: OpenedSource, index: int) -> bool:
        """Checks what needs no decoding."""
        try:
            for left_out in source.check(index):
                self._count(left_out.kind, str(left_out))
            absent = [path for path in source.files(index) if not path.is_file()]
        except DataSetError as fault:
            self._count(fault.kind, str(fault))
            return False
        self._report.missing += len(absent)
        room = _NAMED - len(self._report.first_missing)
        self._report.first_missing += [str(self._below_root(path)) for path in absent[:room]]
        return not absent

    def _decode(self, source: OpenedSource, index: int, full: bool) -> None:
        """Reads frame by frame: a whole video may not fit into memory."""
        count = source.num_frames(index)
        for frame in range(count) if full else [index % count]:
            try:
                clip = source.read(index, [frame])
            except DataSetError as fault:
                self._count(fault.kind, str(fault))
                return
            self._report.decoded += 1
            # What the entries alone tell was counted already.
            for left_out in clip.faults:
                if left_out.kind in SEEN_IN_PIXELS:
                    self._count(left_out.kind, str(left_out))

    def _check_orientations(self, source: OpenedSource, progress: Callable[[int], None]) -> None:
        """Names files that viewers show turned against their annotations, and those that nothing decides."""
        if source.described is not None:
            return  # its owners say what annotations describe

        def told() -> Iterator[Picture]:
            for number, picture in enumerate(source.pictures(), start=1):
                progress(number)
                yield picture

        surveyed = survey_orientations(told())
        source.described = surveyed.described()
        if surveyed.first_stored is not None:
            self._report.notes.append(
                "files with an EXIF orientation that viewers and 'rapsam predict' show turned but whose "
                f"annotations do not follow: {surveyed.followed[Described.STORED]:,}, such as "
                f"{self._below_root(surveyed.first_stored)}"
            )
        try:
            check_decided(surveyed)
        except InputError as error:
            # The sample would count them again.
            source.described = Described.STORED
            self._count("undecided orientation", str(error), surveyed.undecided)

    def _count(self, kind: str, message: str, count: int = 1) -> None:
        for known in self._report.broken:
            if known.kind == kind:
                known.count += count
                return
        self._report.broken.append(FaultCount(kind=kind, count=count, first=message))

    def _below_root(self, path: Path) -> Path:
        # A data set that is linked into the folder resolves to elsewhere.
        return self._place.relative_to(self._root) / path.relative_to(self._place.resolve())
