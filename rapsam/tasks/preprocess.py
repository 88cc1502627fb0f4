"""From an RGB image to the input of the network, in the deployed way and in the original way."""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec
import numpy as np
from PIL import Image

from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats, Pixels
from rapsam.tasks.geometry import ImageGeometry, Size
from rapsam.tasks.resize import resize_image

MEAN = (123.675, 116.28, 103.53)
"""Mean of R, G, B on the 0..255 scale."""
STD = (58.395, 57.12, 57.375)
"""Standard deviation of R, G, B on the 0..255 scale."""
Fit = Literal["letterbox", "longest side"]
"""How images meet the input of a family: see `PreprocessSpec`."""
Resize = Literal[
    "bilinear, half-pixel centres, no antialiasing, rounded to 8 bits",
    "bilinear, half-pixel centres, antialiased when shrinking, across then down, each rounded to 8 bits",
]
RESIZES: dict[Fit, Resize] = {
    "letterbox": "bilinear, half-pixel centres, no antialiasing, rounded to 8 bits",
    "longest side": (
        "bilinear, half-pixel centres, antialiased when shrinking, across then down, each rounded to 8 bits"
    ),
}
"""The interpolation of each fit."""
_RGB = "uint8 RGB (height, width, 3) as read_image gives it"
STRIDE = 32
"""The network's sides are multiples of this."""
COCO_TEST_SIZE = (1333, 800)
"""Longest long side and short side of the original test on COCO."""
VIDEO_TEST_SIZE = (1280, 736)
"""The same on YouTube-VIS 2019."""


class PreprocessSpec(msgspec.Struct, frozen=True, kw_only=True):
    """All that an app must know to make the input of a deployed graph.

    Attributes:
        size: Height and width of the input, multiples of 32.
        layout: Axes of the input.
        dtype: Element type of the input.
        colour_order: Order of the channels.
        value_range: Values of black and white in the input; the graph normalises by itself.
        fit: How the image meets the size. Both keep the aspect ratio, scale s = min(height / h0, width / w0),
            new side = max(1, floor(side * s + 0.5)), top left. "letterbox" is for networks that take any
            size in PyTorch; "longest side", as SAM has it, for those that know one square only, and
            resizes as Pillow's `Image.resize(..., BILINEAR)` did up to version 12.
        resize: Interpolation of the 8-bit image, which follows from the fit.
        pad_colour: R, G, B to the right of and below the image: 0 after the normalisation.
        mean: Subtracted inside the graph.
        std: Divided by inside the graph.
    """

    size: Size
    layout: Literal["NCHW"] = "NCHW"
    dtype: Literal["float32"] = "float32"
    colour_order: Literal["RGB"] = "RGB"
    value_range: tuple[float, float] = (0.0, 255.0)
    fit: Fit = "letterbox"
    resize: Resize = RESIZES["letterbox"]
    pad_colour: tuple[float, float, float] = MEAN
    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD

    def __post_init__(self) -> None:
        """Raises `InputError` if the size does not suit the network, or the interpolation not the fit."""
        check_network_size(self.size)
        if self.resize != RESIZES[self.fit]:
            raise InputError(f"the fit {self.fit!r} with the resize {self.resize!r}; expected its own")

    @classmethod
    def of(cls, size: Size, normalisation: Normalisation, fit: Fit) -> PreprocessSpec:
        """Says how images become the input of a network of this size, normalisation and fit."""
        mean, std = normalisation
        return cls(size=size, fit=fit, resize=RESIZES[fit], pad_colour=mean, mean=mean, std=std)


class Normalisation(NamedTuple):
    """What a network subtracts from and divides the colours of images by, R, G, B on the 0..255 scale."""

    mean: tuple[float, float, float] = MEAN
    std: tuple[float, float, float] = STD


IMAGENET = Normalisation()


class NetworkInput(NamedTuple):
    """An image in the form that a network takes, and the way back.

    Attributes:
        pixels: (1, 3, H, W) float32.
        geometry: Sizes that bring results back to the original image.
    """

    pixels: Floats
    geometry: ImageGeometry


def check_network_size(size: Size) -> None:
    """Raises `InputError` unless both sides are positive multiples of 32."""
    if min(size) < STRIDE or size[0] % STRIDE or size[1] % STRIDE:
        nearest = dict.fromkeys((_nearest(size, np.floor), _nearest(size, np.ceil)))
        raise InputError(
            f"size {size[0]}x{size[1]} does not suit the network; height and width must be multiples of "
            f"{STRIDE}, such as {' or '.join(f'{height}x{width}' for height, width in nearest)}"
        )


def letterbox(
    image: Pixels,
    size: Size,
    pad_colour: tuple[float, float, float] = MEAN,
    fit: Fit = "letterbox",
) -> NetworkInput:
    """Fits an image into the fixed input of a deployed graph.

    Args:
        image: (h0, w0, 3) uint8 RGB.
        size: Height and width of the graph's input.
        pad_colour: R, G, B to the right and below, 0..255: what the graph normalises to 0.
        fit: Of the network; see `PreprocessSpec`.

    Returns:
        Float32 RGB 0..255, not normalised (the graph does that).

    Raises:
        InputError: If the size is no multiple of 32 or the image is not uint8 RGB.
    """
    check_network_size(size)
    check_rgb(image)
    original = (image.shape[0], image.shape[1])
    content = _scaled(original, min(size[0] / original[0], size[1] / original[1]))
    resized = resize_image(image, content) if fit == "letterbox" else _antialiased(image, content)
    pixels = np.empty((1, 3, *size), np.float32)
    pixels[:] = np.asarray(pad_colour, np.float32)[:, None, None]
    pixels[0, :, : content[0], : content[1]] = resized.transpose(2, 0, 1)
    return NetworkInput(pixels, ImageGeometry(padded_size=size, content_size=content, original_size=original))


def fitted(image: Pixels, spec: PreprocessSpec) -> NetworkInput:
    """Fits an image into the input that a manifest describes; see `letterbox`."""
    return letterbox(image, spec.size, spec.pad_colour, spec.fit)


def normalised_square(image: Pixels, side: int, normalisation: Normalisation = IMAGENET) -> NetworkInput:
    """Makes the input of an un-deployed network that knows one square: the fit "longest side", normalised.

    Args:
        image: (h0, w0, 3) uint8 RGB.
        side: Of the square.
        normalisation: Mean and deviation.

    Returns:
        Float32 (pixel - mean) / std, with zeros to the right and below.

    Raises:
        InputError: If the side is no multiple of 32 or the image is not uint8 RGB.
    """
    pixels, geometry = letterbox(image, (side, side), normalisation.mean, "longest side")
    mean, std = (np.asarray(each, np.float32)[:, None, None] for each in normalisation)
    return NetworkInput((pixels - mean) / std, geometry)


def resize_keep_ratio(
    image: Pixels, long_side: int = COCO_TEST_SIZE[0], short_side: int = COCO_TEST_SIZE[1]
) -> Pixels:
    """Resizes as the original does in tests: to the largest size that respects both limits.

    Args:
        image: (h0, w0, 3) uint8 RGB.
        long_side: Limit of the longer side in pixels.
        short_side: Limit of the shorter side in pixels.

    Returns:
        (h, w, 3) uint8.

    Raises:
        InputError: If the image is not uint8 RGB.
    """
    check_rgb(image)
    original = (image.shape[0], image.shape[1])
    scale = min(long_side / max(original), short_side / min(original))
    return resize_image(image, _scaled(original, scale))


def normalise_and_pad(
    image: Pixels,
    original_size: Size | None = None,
    divisor: int = STRIDE,
    normalisation: Normalisation = IMAGENET,
) -> NetworkInput:
    """Makes the input of the original, un-deployed network from an image that is already resized.

    Args:
        image: (h, w, 3) uint8 RGB.
        original_size: Height and width before the resize; None where there was none.
        divisor: Sides are padded to a multiple of this.
        normalisation: Mean and deviation.

    Returns:
        Float32 (pixel - mean) / std, with zeros to the right and below.

    Raises:
        InputError: If the image is not uint8 RGB.
    """
    check_rgb(image)
    content = (image.shape[0], image.shape[1])
    padded = (-(-content[0] // divisor) * divisor, -(-content[1] // divisor) * divisor)
    pixels = np.zeros((1, 3, *padded), np.float32)
    mean, std = (np.asarray(each, np.float32) for each in normalisation)
    normalised = (image.astype(np.float32) - mean) / std
    pixels[0, :, : content[0], : content[1]] = normalised.transpose(2, 0, 1)
    geometry = ImageGeometry(padded_size=padded, content_size=content, original_size=original_size or content)
    return NetworkInput(pixels, geometry)


def check_rgb(image: Pixels) -> None:
    """Raises `InputError`, which says what to do, unless this is a uint8 RGB array of at least one pixel."""
    if not isinstance(image, np.ndarray):
        # A tensor has both; anything else is named by its kind.
        described = f"a {type(image).__name__} {list(getattr(image, 'shape', ()))}".removesuffix(" []")
        raise InputError(f"image is {described}; expected {_RGB}: {_hint_for_other(image)}")
    if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
        return
    hint = _hint(image.dtype, image.shape)
    raise InputError(f"image is {image.dtype} {list(image.shape)}; expected {_RGB}{hint and f': {hint}'}")


def _hint_for_other(image: object) -> str:
    if hasattr(image, "permute"):
        return "of a float tensor (3, h, w) in 0..1 take (t * 255).byte().permute(1, 2, 0).cpu().numpy()"
    return "make an array of it, or give a path or a Pillow image to Bundle.predict"


def _hint(dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> str:
    """Says how to make RGB of an array of another kind; nothing where it cannot be guessed."""
    if len(shape) == 2 or (len(shape) == 3 and shape[2] == 1):
        return "of greyscale take numpy.dstack([image] * 3)"
    if len(shape) == 3 and shape[2] == 4:
        return "leave the alpha channel out with image[..., :3]"
    if len(shape) == 3 and shape[0] == 3:
        return "put the channels last with image.transpose(1, 2, 0)"
    if np.issubdtype(dtype, np.floating):
        return "of values in 0..1 take (image * 255).round().astype(numpy.uint8)"
    if dtype != np.uint8:
        return "scale it to 0..255 and take image.astype(numpy.uint8)"
    return ""


def _antialiased(image: Pixels, size: Size) -> Pixels:
    # One axis at a time: Pillow 13 goes down first where the height shrinks more, which changes bytes.
    height, width = size
    across = Image.fromarray(image).resize((width, image.shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(across.resize((width, height), Image.Resampling.BILINEAR))


def _scaled(size: Size, scale: float) -> Size:
    return max(1, int(size[0] * scale + 0.5)), max(1, int(size[1] * scale + 0.5))


def _nearest(size: Size, rounding: np.ufunc) -> Size:
    sides = [max(STRIDE, int(rounding(side / STRIDE)) * STRIDE) for side in size]
    return sides[0], sides[1]
