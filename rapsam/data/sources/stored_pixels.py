"""Reading the images and masks of data sets: the pixels that annotations describe.

Where a photograph has an EXIF orientation, `orientation` decides whether it is turned. Masks never are.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from rapsam.data.images import FORMATS, stored_pixels
from rapsam.data.limits import check_file, check_size
from rapsam.data.orientation import UPRIGHT, image_orientation, turned_by_loading
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.orientation import Described, Picture, Surveyed, survey, turn_of
from rapsam.errors import InputError, MemoryLimitError, is_out_of_memory
from rapsam.tasks.arrays import Ids, Pixels
from rapsam.tasks.geometry import Size


def read_annotated_image(path: Path, size: Size, described: Described | None) -> Pixels:
    """Reads an image as its annotations see it; transparency is composited over white, as by `read_image`.

    Args:
        path: The file, of any of `rapsam.data.images.FORMATS` whatever its name ends in.
        size: Height and width that the annotations state.
        described: What the annotations of its data set describe, for a file with an EXIF orientation whose
            size does not tell.

    Returns:
        (height, width, 3) uint8 RGB.

    Raises:
        DataSetError: If the file is missing, damaged, of another kind, of another size, or turned by a tag
            of which nobody knows whether it counts.
    """
    with _opened(path, "image", FORMATS) as image:
        turned = turned_by_loading(image)
        stored = turned.inverse().applied(stored_pixels(path, image))
        orientation = image_orientation(image) if turned == UPRIGHT else turned
        stored_as = (stored.shape[0], stored.shape[1])
        pixels = turn_of(orientation, stored_as, path, size, described).applied(stored)
        _check_stated(path, (pixels.shape[0], pixels.shape[1]), size)
        return pixels


def survey_orientations(images: Iterator[Picture]) -> Surveyed:
    """Looks at the orientation tags of the images of a data set, as `survey` does."""
    # Pillow warns of large images and odd metadata; both are judged when a file is read.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return survey(images, FORMATS)


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
            # Given a name, Pillow maps the file, and then mixes up the rows of turned grey TIFF.
            with path.open("rb") as file, Image.open(file, formats=formats) as image:
                check_size(path, image.width, image.height)
                yield image
        except DataSetError:
            raise
        except InputError as error:
            raise DataSetError("damaged file", str(error)) from error
        # A damaged file can make a decoder raise nearly anything.
        except Exception as error:
            if is_out_of_memory(error):
                raise MemoryLimitError(
                    f"{path} needs more memory than there is; take smaller images"
                ) from error
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
