"""What a written world holds, and where its parts lie."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from rapsam.data.synth.limits import check_world
from rapsam.data.synth.noise import Size
from rapsam.data.synth.video import NUM_FRAMES
from rapsam.errors import JSON_ERRORS, InputError, unknown_name
from rapsam.files import check_new_folder

SPLITS = {"train": "train", "val": "valid"}
"""Names of COCO's splits, and what YouTube-VIS calls them."""

MAX_COUNT = 1_000_000
"""Images of a split, and videos: the entries of all are held in memory."""
DRAWING = 2
"""Version of the drawing: raised when a seed gives other pictures than before."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn; also the content of synth_{split}.json beside it.

    Attributes:
        images: Number of images.
        videos: Number of videos.
        seed: Of all that is drawn, from 0.
        size: Height and width of images and videos in pixels.
        num_frames: Frames of each video.
        split: "train" or "val".
        drawing: `DRAWING` when it was drawn.
    """

    images: int
    videos: int
    seed: int
    size: Size = (256, 256)
    num_frames: int = NUM_FRAMES
    split: str = "train"
    drawing: int = DRAWING

    def __post_init__(self) -> None:
        """Raises `InputError` for a split that does not exist, or a number that is too small or large."""
        if self.split not in SPLITS:
            raise unknown_name("split", self.split, SPLITS)
        if min(self.images, self.videos) < 0:
            raise InputError(f"{self.images} images and {self.videos} videos; expected 0 or more of each")
        if max(self.images, self.videos) > MAX_COUNT:
            raise InputError(
                f"{max(self.images, self.videos):,} images or videos; expected at most {MAX_COUNT:,} of each"
            )
        check_world(self.seed, min(self.images + self.videos, self.num_frames), self.size)


class Places(NamedTuple):
    """Where the parts of a split lie: folders of images, masks and videos, and files that explain them."""

    images: Path
    masks: Path
    videos: Path
    panoptic: Path
    instances: Path
    tracks: Path
    record: Path

    @classmethod
    def of(cls, out: Path, split: str) -> Places:
        """Returns the places that the owners of the formats use, and one for the record of the world."""
        annotations, youtube_vis = out / "annotations", out / "youtube_vis"
        return cls(
            images=out / f"{split}2017",
            masks=annotations / f"panoptic_{split}2017",
            videos=youtube_vis / SPLITS[split] / "JPEGImages",
            panoptic=annotations / f"panoptic_{split}2017.json",
            instances=annotations / f"instances_{split}2017.json",
            tracks=youtube_vis / f"{SPLITS[split]}.json",
            record=out / f"synth_{split}.json",
        )


def check_place(out: Path, world: World) -> Places:
    """Tells before long work whether a world can be written, and where.

    Raises:
        InputError: If the folder holds anything but another split of a drawn world, that split has the same
            seed, or the folder cannot be written.
    """
    places = Places.of(out, world.split)
    if places.record.exists():
        raise InputError(
            f"{places.record} exists already; expected a split that is not drawn yet: choose another"
        )
    others = [Places.of(out, split).record for split in SPLITS if split != world.split]
    known = [record for record in others if record.is_file()]
    if not known:
        _check_empty(out)
    for record in known:
        if read_record(record).seed == world.seed:
            raise InputError(
                f"{record} has seed {world.seed} too, so the pictures would be the same; take another seed"
            )
    for place in places:
        check_new_folder(place)
    return places


def _check_empty(out: Path) -> None:
    """Refuses foreign files; what a killed run left is hidden and harmless."""
    if not out.is_dir():
        check_new_folder(out)
    for path in out.rglob("*"):
        relative = path.relative_to(out)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            raise InputError(
                f"{out} holds {relative}, which was not drawn; expected a new folder, or one with another "
                "split of a drawn world: choose another"
            )


def read_record(record: Path) -> World:
    """Reads what was drawn.

    Raises:
        InputError: If the record is damaged.
    """
    try:
        return msgspec.json.decode(record.read_bytes(), type=World)
    except (*JSON_ERRORS, InputError, OSError) as error:
        raise InputError(
            f"{record} cannot be read ({error}); remove the whole folder, or choose another"
        ) from error
