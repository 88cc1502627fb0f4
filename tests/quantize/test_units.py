"""What keeps its precision together: roles, else layers; every module once."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract
from rapsam.graph.capture import capture
from rapsam.graph.macs import count_macs, macs_of_operators
from rapsam.quantize.policy import choose_operators
from rapsam.quantize.scheme import KINDS, Quantisation
from rapsam.quantize.units import units_of
from tests.quantize.test_policy import spec

ALL = Quantisation(activation_bits=8, kinds=tuple(dict.fromkeys(KINDS.values())))


class Layered(nn.Module):
    """A body of two blocks, a gate and a product."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()), nn.Conv2d(4, 4, 1))
        self.gate = nn.Linear(16, 5)

    def forward(self, image):
        rows = self.body(image).flatten(2)
        return self.gate(rows @ rows.transpose(1, 2) @ rows)


CONTRACT = GraphContract(
    graph="layered", inputs=(spec("image", 1, 3, 4, 4),), outputs=(spec("out", 1, 4, 5),), image_size=(4, 4)
)
MACS = {"body.0.0": 16 * 3 * 4 * 9, "body.1": 16 * 4 * 4, "gate": 4 * 16 * 5, "": 2 * 4 * 16 * 4}


@pytest.fixture(scope="module")
def program():
    torch.manual_seed(0)
    return capture(Layered(), CONTRACT)


def found(program, scheme=ALL, parts=None):
    macs = macs_of_operators(program, CONTRACT)
    choice = choose_operators(program.graph, scheme, parts or {})
    return units_of("layered", choice, parts or {}, macs)


def test_multiply_adds_of_operators_add_up(program) -> None:
    total = count_macs(program.module(check_guards=False), CONTRACT)
    assert sum(macs_of_operators(program, CONTRACT).values()) == total == sum(MACS.values())


def test_layers_are_named_by_two_words_and_know_their_macs(program) -> None:
    units = {unit.name: unit for unit in found(program)}
    assert list(units) == ["layered: body.0", "layered: body.1", "layered: the graph itself", "layered: gate"]
    for unit in units.values():
        assert unit.macs == tuple(MACS[module] for module in unit.modules)
    assert units["layered: body.0"].modules == ("body.0.0",)


def test_a_role_takes_its_modules_from_the_layers(program) -> None:
    units = found(program, parts={"gate": r"^gate$", "pooling": r"^body\.1$"})
    assert [unit.name for unit in units][1:] == [
        "layered: pooling",
        "layered: the graph itself",
        "layered: gate",
    ]
    modules = [module for unit in units for module in unit.modules]
    assert sorted(modules) == sorted(set(modules)) == sorted(MACS)


def test_what_stays_float_anyway_is_in_no_unit(program) -> None:
    units = found(program, Quantisation(activation_bits=8, kinds=("linear",), small_weights=False))
    assert [unit.modules for unit in units] == [("gate",)]


def test_split_into_modules(program) -> None:
    (whole,) = found(program, parts={"gate": "body|gate"})[:1]
    assert [(part.modules, part.total_macs) for part in whole.split()] == [
        ((name,), MACS[name]) for name in ("body.0.0", "body.1", "gate")
    ]
    assert whole.total_macs == sum(part.total_macs for part in whole.split())
