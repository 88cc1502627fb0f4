from __future__ import annotations

import pytest

from rapsam.contract import GraphContract, TensorSpec
from rapsam.graph.pixel_size import is_pixel_sized, pixel_grid


def contract(*shapes: tuple[int, ...]) -> GraphContract:
    specs = tuple(
        TensorSpec(
            name=f"x{index}",
            shape=shape,
            dtype="float32",
            layout="NCHW" if len(shape) == 4 else "NQD",
            value_range=None,
            meaning="any",
        )
        for index, shape in enumerate(shapes)
    )
    return GraphContract(graph="any", inputs=specs, outputs=())


@pytest.mark.parametrize("shapes", [[(1, 3, 96, 128)], [(1, 66, 24, 32), (1, 2, 4)]])
def test_an_image_and_its_features_have_the_same_grid(shapes) -> None:
    assert pixel_grid(contract(*shapes)) == (12, 16)


def test_without_a_map_nothing_is_pixel_sized() -> None:
    assert not is_pixel_sized((10**6, 10**6), pixel_grid(contract((1, 2, 4))))


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((1, 8, 12, 16), True),
        ((1, 8, 12, 15), False),
        ((1, 500, 1, 1), False),  # channels of a pooled vector
        ((1, 12, 16, 1), True),  # NHWC, even if the last two axes are small
        ((1, 24, 32, 8), True),
        ((1, 48, 48, 8), False),
        ((1, 6, 8, 512), False),  # a map at stride 16 of many channels
        ((1, 100, 133, 17), False),  # queries, classes and their prototypes
        ((1, 8, 1, 192), True),  # a row of weights over flattened pixels
        ((0, 16), False),
        ((1, 100, 192), True),  # masks over flattened pixels
        ((1, 100, 191), False),
        ((1728, 64), True),  # rows of a deformable convolution
        ((192,), True),
        ((1, 12, 16, 3, 3), True),
        ((), False),
    ],
)
def test_positions_decide(shape, expected) -> None:
    assert is_pixel_sized(shape, (12, 16)) is expected
