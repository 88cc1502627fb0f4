"""Reading images exactly as their files store them, which is what annotations refer to.

`rapsam.data.images.read_image` turns photographs upright by their EXIF note. Annotations do not know of
it: ADE20K's panoptic masks, for one, were made with the sizes of the stored pixels. (OpenCV, with which
the original reads its images, does turn them, away from their masks.)
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from rapsam.data.limits import check_file, check_size
from rapsam.data.sources.faults import DataSetError
from rapsam.errors import InputError
from rapsam.tasks.arrays import Ids, Pixels
from rapsam.tasks.geometry import Size

_MODES = ("1", "L", "P", "RGB", "RGBA", "CMYK", "YCbCr")


def read_stored_image(path: Path, size: Size) -> Pixels:
    """Reads a JPEG or PNG without turning it; an alpha channel is ignored.

    Args:
        path: The file.
        size: Height and width that the annotations state.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        DataSetError: If the file is missing, damaged, of another kind, or of another size.
    """
    with _opened(path, "image", ("JPEG", "PNG")) as image:
        _check_stated(path, (image.height, image.width), size)
        if image.mode not in _MODES:
            raise DataSetError(
                "damaged file", f"{path} has pixels of mode {image.mode}; expected 8-bit colour or grey"
            )
        return np.array(image.convert("RGB"))


def read_stored_ids(path: Path, size: Size) -> Ids:
    """Reads a panoptic PNG.

    Args:
        path: The file.
        size: Height and width that the annotations state.

    Returns:
        (height, width) int32, R + 256 * G + 65536 * B of each pixel; 0 is void.

    Raises:
        DataSetError: If the file is missing, damaged, no RGB PNG, or of another size.
    """
    with _opened(path, "mask", ("PNG",)) as image:
        _check_stated(path, (image.height, image.width), size)
        if image.mode != "RGB":
            raise DataSetError(
                "damaged file",
                f"{path} has pixels of mode {image.mode}; expected RGB, which codes the segment ids",
            )
        colours = np.asarray(image).astype(np.int32)
    return colours[..., 0] | colours[..., 1] << 8 | colours[..., 2] << 16


@contextmanager
def _opened(path: Path, what: str, formats: tuple[str, ...]) -> Iterator[Image.Image]:
    # Pillow warns of large images and odd metadata; the size is checked here, the rest is harmless.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if not path.exists():
                raise DataSetError("missing file", f"{path} does not exist; expected this {what} file")
            check_file(path, what)
            with Image.open(path, formats=formats) as image:
                check_size(path, image.width, image.height)
                yield image
        except DataSetError:
            raise
        except InputError as error:
            raise DataSetError("damaged file", str(error)) from error
        # A damaged file can make a decoder raise nearly anything.
        except Exception as error:
            raise DataSetError(
                "damaged file",
                f"{path} is damaged or truncated; expected a whole {' or '.join(formats)} file",
            ) from error


def _check_stated(path: Path, found: Size, stated: Size) -> None:
    if found != stated:
        raise DataSetError(
            "wrong size",
            f"{path} has {found[1]}x{found[0]} stored px; expected width {stated[1]} and height {stated[0]} "
            "as its entry in the annotation file has them",
        )
