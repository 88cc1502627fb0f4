"""The three sizes that an image has on its way through the network and back."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from rapsam.errors import InputError

Size: TypeAlias = tuple[int, int]


class ImageGeometry(msgspec.Struct, frozen=True, kw_only=True):
    """How an image lies in the input of the network; every size is (height, width) in pixels.

    The resized image sits at the top left of the padded input, so one scale per axis says all.

    Attributes:
        padded_size: Input of the network, with padding.
        content_size: Resized image inside it, without padding ("img_shape" in the original code).
        original_size: Image before the resize ("ori_shape"); results are given at this size.
    """

    padded_size: Size
    content_size: Size
    original_size: Size

    def __post_init__(self) -> None:
        """Raises `InputError` unless every side is positive and the content fits the padded input."""
        sizes = {"padded": self.padded_size, "content": self.content_size, "original": self.original_size}
        for name, size in sizes.items():
            if min(size) < 1:
                raise InputError(f"{name} size is {list(size)}; expected a height and a width of at least 1")
        if self.content_size[0] > self.padded_size[0] or self.content_size[1] > self.padded_size[1]:
            raise InputError(
                f"content size {list(self.content_size)} exceeds the padded size {list(self.padded_size)}; "
                "resize the image to fit first"
            )

    @property
    def scale_xy(self) -> tuple[float, float]:
        """Factors that turn x and y in the original image into x and y in the network's image."""
        return (
            self.content_size[1] / self.original_size[1],
            self.content_size[0] / self.original_size[0],
        )
