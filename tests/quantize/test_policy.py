"""Which operators are computed in integers: what a target can, a family marks, and a search keeps."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from rapsam.contract import GraphContract, TensorSpec
from rapsam.graph.capture import capture
from rapsam.quantize.policy import choose_operators, modules_of
from rapsam.quantize.scheme import KINDS, Quantisation, StaysFloat

ALL = tuple(dict.fromkeys(KINDS.values()))


class Small(nn.Module):
    """Two convolutions with a residual sum, a linear layer, a product, and a sum of floats."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.body = nn.Conv2d(4, 4, 3, padding=1)
        self.gate = nn.Linear(16, 5)

    def forward(self, image):
        first = torch.relu(self.stem(image))
        residual = torch.relu(self.body(first) + first)
        rows = residual.flatten(2)
        return self.gate(rows @ rows.transpose(1, 2) @ rows) + 1


def spec(name, *shape):
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout="NCHW"[: len(shape)],
        value_range=(0.0, 1.0),
        meaning="a test",
        role="flow",
    )


CONTRACT = GraphContract(
    graph="small", inputs=(spec("image", 1, 3, 4, 4),), outputs=(spec("out", 1, 4, 5),), image_size=(4, 4)
)


@pytest.fixture(scope="module")
def graph():
    torch.manual_seed(0)
    return capture(Small(), CONTRACT).graph


def chosen(graph, scheme, parts=None, kept=frozenset()):
    choice = choose_operators(graph, scheme, parts or {}, kept)
    return [*choice.integers.values()], {left.module: left.why for left in choice.left}


def test_a_target_that_computes_all_kinds_leaves_nothing(graph) -> None:
    kinds, left = chosen(graph, Quantisation(activation_bits=8, kinds=ALL))
    assert kinds == [
        "convolution",
        "rectifier",
        "convolution",
        "sum",
        "rectifier",
        "product",
        "product",
        "linear",
        "sum",
    ]
    assert left == {}


def test_what_only_adds_up_follows_the_integers(graph) -> None:
    """Behind a layer that returns floats a sum stays float, although the target has one for integers."""
    scheme = Quantisation(activation_bits=8, kinds=ALL, float_outputs=("linear", "product"))
    kinds, _ = chosen(graph, scheme)
    assert kinds.count("sum") == 1
    without = Quantisation(activation_bits=8, kinds=("linear", "sum", "rectifier"))
    assert chosen(graph, without)[0] == ["linear", "sum"]


def test_what_is_left_says_why(graph) -> None:
    scheme = Quantisation(
        activation_bits=8,
        kinds=tuple(kind for kind in ALL if kind != "product"),
        stays_float=(StaysFloat(role="gate", why="it decides"), StaysFloat(role="sampling", why="unused")),
    )
    kinds, left = chosen(graph, scheme, {"gate": r"\bgate$"}, frozenset({"body"}))
    assert kinds == ["convolution", "rectifier"]
    assert left == {
        "body": "the search keeps it",
        "": "the target computes no product in integers",
        "gate": "gate: it decides",
    }


def test_a_role_may_keep_some_kinds_only(graph) -> None:
    scheme = Quantisation(
        activation_bits=8, kinds=ALL, stays_float=(StaysFloat(role="gate", why="x", kinds=("product",)),)
    )
    assert chosen(graph, scheme, {"gate": r"\bgate$"})[1] == {}


def test_weights_alone(graph) -> None:
    choice = choose_operators(
        graph, Quantisation(stays_float=(StaysFloat(role="gate", why="x"),)), {"gate": "gate"}
    )
    assert choice.integers == {}
    assert list(choice.small_weights.values()) == ["convolution", "convolution"]
    modules = modules_of(choice)
    assert modules.small_weights == {"convolution": {"stem", "body"}}
    assert {node.name for node in choice.small_weights} < modules.small_nodes


def test_weights_beside_integers_are_small_where_the_target_can(graph) -> None:
    kinds = ("convolution",)
    small = choose_operators(graph, Quantisation(activation_bits=8, kinds=kinds), {})
    assert list(small.small_weights.values()) == ["linear"]
    none = choose_operators(graph, Quantisation(activation_bits=8, kinds=kinds, small_weights=False), {})
    assert none.small_weights == {}


class Enlarging(nn.Module):
    """A float stem, its map taken twice, and a rearranged one."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.body = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, image):
        first = torch.relu(self.stem(image))
        return functional.pixel_shuffle(self.body(first) + first, 2)[:, :, 1:-1]


def test_a_map_that_a_convolution_takes_is_there_in_integers() -> None:
    contract = GraphContract(
        graph="enlarging",
        inputs=(spec("image", 1, 3, 4, 4),),
        outputs=(spec("out", 1, 1, 6, 8),),
        image_size=(4, 4),
    )
    graph = capture(Enlarging(), contract).graph
    stem_stays = Quantisation(activation_bits=8, kinds=ALL, stays_float=(StaysFloat(role="stem", why="x"),))
    kinds, left = chosen(graph, stem_stays, {"stem": "stem"})
    assert kinds == ["convolution", "sum", "rearrangement", "rearrangement"]
    assert left == {"stem": "stem: x"}
