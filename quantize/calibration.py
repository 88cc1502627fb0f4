"""Images that the ranges of activations are found on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from rapsam.data.images import SUFFIXES, read_image
from rapsam.data.synth.source import SynthImages
from rapsam.errors import InputError, quoted, reading
from rapsam.tasks.arrays import Pixels
from rapsam.untrusted import read_limited

DRAWN = "drawn"
"""Names images of the drawn world; "drawn:7" those of seed 7."""

DRAWN_SEED = 1_000_003
"""Of "drawn": nobody draws a world to train or to score on with it by chance."""

MIN_IMAGES = 8
MAX_IMAGES = 1024
DEFAULT_IMAGES = 64
PLAIN_VALUES, PLAIN_TIMES = (0, 128, 255), 6
_MAX_LIST_BYTES = 1 << 30
_MAX_DIGITS = 9


class CalibrationSet(NamedTuple):
    """Images to calibrate with.

    Attributes:
        name: Where they come from, in words.
        images: RGB (h, w, 3), uint8, by name; read or drawn when asked for.
        sha256: Of all pixels, in their order.
        pixels_sha256: Of each image, by name.
        warnings: A line for each thing that is odd about them.
    """

    name: str
    images: Mapping[str, Pixels]
    sha256: str
    pixels_sha256: Mapping[str, str]
    warnings: tuple[str, ...]


class _Files(Mapping[str, Pixels]):
    """Image files, read when asked for."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    def __getitem__(self, name: str) -> Pixels:
        return read_image(self._paths[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


class _Drawn(Mapping[str, Pixels]):
    """Images of the drawn world."""

    def __init__(self, seed: int, count: int) -> None:
        self._source = SynthImages(seed, count)

    def __getitem__(self, name: str) -> Pixels:
        image: Pixels = self._source.read(int(name.removeprefix("drawn ")), None).frames[0]
        return image

    def __iter__(self) -> Iterator[str]:
        return (f"drawn {index}" for index in range(len(self._source)))

    def __len__(self) -> int:
        return len(self._source)


class _ListedImage(msgspec.Struct):
    file_name: str


class _ImageList(msgspec.Struct):
    """Of a COCO annotation file what names the images."""

    images: list[_ListedImage]


def open_calibration(source: str, count: int = DEFAULT_IMAGES) -> CalibrationSet:
    """Opens images to calibrate with, and looks at every one of them.

    Args:
        source: A folder of images, a COCO annotation file (its images lie beside it, or in the folder of its
            split as COCO lays them out), "drawn", or "drawn:SEED".
        count: Most images that are taken: evenly spread over those that are there.

    Raises:
        InputError: If there are too few, one cannot be read, all are of one colour each, or nothing is there.
    """
    if not MIN_IMAGES <= count <= MAX_IMAGES:
        raise InputError(f"{count} calibration images; expected {MIN_IMAGES} to {MAX_IMAGES}")
    images = _images(source, count)
    if len(images) < MIN_IMAGES:
        raise InputError(
            f"{len(images)} calibration images in {source}; ranges need {MIN_IMAGES} or more that differ"
        )
    return _looked_at(source if source.startswith(DRAWN) else Path(source).name, images)


class WithPlainImages(Mapping[str, Pixels]):
    """Images, read when asked for, and some of one colour: a covered lens, a wall, the sun.

    Cameras see such, and data sets lack them. Each is there several times, since each time it gets other
    prompts.

    Args:
        images: RGB (h, w, 3), uint8, by name.
        size: Height and width of those of one colour.
    """

    def __init__(self, images: Mapping[str, Pixels], size: tuple[int, int]) -> None:
        self._images = images
        self._size = size
        self._plain = {f"plain {value}, {n}": value for n in range(PLAIN_TIMES) for value in PLAIN_VALUES}

    def __getitem__(self, name: str) -> Pixels:
        value = self._plain.get(name)
        return self._images[name] if value is None else np.full((*self._size, 3), value, np.uint8)

    def __iter__(self) -> Iterator[str]:
        yield from dict.fromkeys((*self._images, *self._plain))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def refuse_shared_images(calibration: CalibrationSet, others: Mapping[str, str], what: str) -> None:
    """Refuses calibration images that are used for something else too.

    Args:
        calibration: The images.
        others: Digest of pixels, as `pixels_sha256` makes it, to the name of the other image.
        what: What the others are for, in words.

    Raises:
        InputError: If an image is among the others.
    """
    for name, digest in calibration.pixels_sha256.items():
        if digest in others:
            raise InputError(
                f"calibration image {quoted(name)} is {quoted(others[digest])} of {what}; a network must not "
                "be scored on what it was calibrated on: take other images"
            )


def pixels_sha256(image: Pixels) -> str:
    """Hashes size and pixels of an image."""
    return hashlib.sha256(f"{list(image.shape)}\n".encode() + image.tobytes()).hexdigest()


def _images(source: str, count: int) -> Mapping[str, Pixels]:
    if source == DRAWN or source.startswith(f"{DRAWN}:"):
        return _Drawn(_seed(source), count)
    path = Path(source)
    if path.is_dir():
        with reading(path, "a folder of images"):
            files = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES)
    elif path.suffix.lower() == ".json":
        files = _listed(path)
    else:
        raise InputError(
            f"calibration images {quoted(source)}; expected a folder of images, a COCO annotation file "
            f'(.json), "{DRAWN}" or "{DRAWN}:SEED"'
        )
    return _Files({file.name: file for file in _spread(files, count)})


def _seed(source: str) -> int:
    _, _, text = source.partition(":")
    if not text:
        return DRAWN_SEED
    if not text.isdecimal() or len(text) > _MAX_DIGITS:
        raise InputError(f"calibration images {quoted(source)}; expected a number as in {DRAWN}:7")
    return int(text)


def _listed(path: Path) -> list[Path]:
    """Finds the images that an annotation file names."""
    with reading(path, "a COCO annotation file"):
        names = msgspec.json.decode(read_limited(path, _MAX_LIST_BYTES), type=_ImageList).images
    split = path.stem.rpartition("_")[2]  # annotations/instances_val2017.json
    folders = (path.parent, path.parent.parent / split)
    files = []
    for image in names:
        name = image.file_name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise InputError(f"{path} names the image {quoted(name)}; expected a path below its folder")
        found = [folder / name for folder in folders if (folder / name).is_file()]
        if not found:
            raise InputError(
                f"{path} names {quoted(name)}, which is in neither {folders[0]} nor {folders[1]}"
            )
        files.append(found[0])
    return files


def _spread(files: list[Path], count: int) -> list[Path]:
    """Takes so many files from everywhere in a list: the first ones may be of one film."""
    step = max(len(files) / count, 1.0)
    return [files[int(place * step)] for place in range(min(count, len(files)))]


def _looked_at(name: str, images: Mapping[str, Pixels]) -> CalibrationSet:
    digests: dict[str, str] = {}
    first: dict[str, str] = {}
    warnings, plain = [], []
    for image, pixels in images.items():
        digests[image] = pixels_sha256(pixels)
        if pixels.min() == pixels.max():
            plain.append(image)
        earlier = first.setdefault(digests[image], image)
        if earlier != image:
            warnings.append(f"calibration image {quoted(image)} is {quoted(earlier)} again")
    if len(digests) - len(plain) < MIN_IMAGES or len(first) < MIN_IMAGES:
        raise InputError(
            f"{name} has {len(first)} different calibration images, {len(plain)} of them of one colour each; "
            f"ranges need {MIN_IMAGES} that show something"
        )
    warnings += [f"calibration image {quoted(image)} has one colour only" for image in plain]
    whole = hashlib.sha256("\n".join(digests.values()).encode()).hexdigest()
    return CalibrationSet(name, images, whole, digests, tuple(warnings))
