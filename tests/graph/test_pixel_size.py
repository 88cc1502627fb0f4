from __future__ import annotations

import pytest

from rapsam.contract import GraphContract
from rapsam.graph.pixel_size import is_pixel_sized, pixel_grid
from rapsam.models.rapsam.graphs import GRAPHS, build_graph, published_graph
from tests.models.golden_models import golden_model


def contract(image_size: tuple[int, int] | None) -> GraphContract:
    return GraphContract(graph="any", inputs=(), outputs=(), image_size=image_size)


@pytest.mark.parametrize(("image_size", "grid"), [((96, 128), (12, 16)), ((4, 64), (1, 8))])
def test_the_image_decides_the_grid(image_size, grid) -> None:
    assert pixel_grid(contract(image_size)) == grid


@pytest.mark.parametrize("graph", GRAPHS)
def test_every_graph_of_a_model_says_what_image_it_is_for(graph) -> None:
    """Also those that take features of it."""
    model = golden_model("rapsam_nano")
    for make in (build_graph, published_graph):
        assert make(model, graph, (64, 96))[1].image_size == (64, 96)


def test_without_an_image_nothing_is_pixel_sized() -> None:
    assert not is_pixel_sized((10**6, 10**6), pixel_grid(contract(None)))


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
