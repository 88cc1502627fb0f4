"""Captured graphs of few bits, computed in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rapsam.contract import GraphContract
from rapsam.errors import InputError
from rapsam.graph.capture import capture
from rapsam.metrics.tensor_error import compare_tensors
from rapsam.quantize.captured import quantise_captured
from rapsam.quantize.scheme import KINDS, Quantisation, StaysFloat
from tests.export.probe_network import probe_contract, probe_network
from tests.quantize.test_policy import spec

CONTRACT = probe_contract()
ALL = tuple(dict.fromkeys(KINDS.values()))
INTEGERS = Quantisation(activation_bits=8, kinds=ALL, float_outputs=("linear", "product"))


@pytest.fixture(scope="module")
def program():
    return capture(probe_network(), CONTRACT)


def samples(count=4):
    return [CONTRACT.example_inputs(seed) for seed in range(count)]


def computed(program, sample):
    with torch.no_grad():
        tensors = [torch.from_numpy(sample[spec.name]) for spec in CONTRACT.inputs]
        values = program.module(check_guards=False)(*tensors)
    return [value.numpy() for value in values]


def worst_db(program, quantised):
    sample = samples()[1]
    pairs = zip(computed(quantised, sample), computed(program, sample), strict=True)
    return min(compare_tensors(ours, theirs).sqnr_db for ours, theirs in pairs)


@pytest.mark.parametrize(
    ("scheme", "least_db"),
    [
        (Quantisation(), 30),
        (Quantisation(weight_bits=4), 5),
        (INTEGERS, 15),
        (Quantisation(activation_bits=8, signed=False, kinds=ALL, integer_biases=True), 15),
        (Quantisation(activation_bits=8, symmetric=True, kinds=ALL), 15),
        (Quantisation(activation_bits=16, kinds=ALL), 30),
        (Quantisation(activation_bits=8, dynamic=True, kinds=("linear",), float_outputs=("linear",)), 25),
    ],
    ids=["w8", "w4", "w8a8", "w8a8 unsigned", "w8a8 symmetric", "w8a16", "w8da8"],
)
def test_few_bits_stay_near_the_float_graph(program, scheme, least_db) -> None:
    quantised = quantise_captured(program, CONTRACT, scheme, samples(), {})
    found = worst_db(program, quantised.program)
    assert found >= least_db
    assert found < 120, "nothing was quantised"


@pytest.mark.parametrize("choices", [{"signed": False}, {"dynamic": True}])
def test_a_symmetric_range_is_signed_and_found_beforehand(choices) -> None:
    with pytest.raises(ValueError, match="symmetric activations are signed"):
        Quantisation(activation_bits=8, symmetric=True, **choices)


def test_zero_is_the_middle_of_a_symmetric_range(program) -> None:
    scheme = Quantisation(activation_bits=8, symmetric=True, kinds=ALL)
    quantised = quantise_captured(program, CONTRACT, scheme, samples(), {}).program
    zero_points = {
        node.args[2] for node in quantised.graph.nodes if "quantize_per_tensor" in str(node.target)
    }
    assert zero_points == {0}


def test_the_program_itself_is_not_changed(program) -> None:
    before = computed(program, CONTRACT.example_inputs(1))
    quantise_captured(program, CONTRACT, INTEGERS, samples(), {})
    for ours, theirs in zip(computed(program, CONTRACT.example_inputs(1)), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_same_samples_give_the_same_graph(program) -> None:
    one, two = (quantise_captured(program, CONTRACT, INTEGERS, samples(), {}).program for _ in range(2))
    assert one.graph_module.code == two.graph_module.code
    sample = CONTRACT.example_inputs(3)
    for ours, theirs in zip(computed(one, sample), computed(two, sample), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_samples_there_are_no_ranges(program) -> None:
    with pytest.raises(InputError, match=r"no samples to calibrate graph 'probe' with; give --calibration"):
        quantise_captured(program, CONTRACT, INTEGERS, [], {})


def test_what_is_no_number_is_refused_with_its_place() -> None:
    network = probe_network()
    with torch.no_grad():
        next(network.stem.parameters())[0] = float("nan")
    with pytest.raises(InputError, match=r"graph 'probe' gives values in stem\S* that are no finite"):
        quantise_captured(capture(network, CONTRACT), CONTRACT, INTEGERS, samples(1), {})


class Line(nn.Module):
    """A linear layer of known weights."""

    def __init__(self, weight):
        super().__init__()
        self.layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
        self.layer.weight = nn.Parameter(weight, requires_grad=False)

    def forward(self, rows):
        return self.layer(rows)


@given(
    values=st.lists(st.floats(-1e4, 1e4, width=32), min_size=6, max_size=6),
    bits=st.sampled_from([4, 8]),
)
@settings(max_examples=15, deadline=None)
def test_every_weight_is_within_half_a_step_of_its_channel(values, bits) -> None:
    weight = torch.tensor(values).reshape(2, 3)
    contract = line_contract(weight)
    quantised = quantise_captured(
        capture(Line(weight), contract), contract, Quantisation(weight_bits=bits), [], {}
    )
    with torch.no_grad():
        found = quantised.program.module(check_guards=False)(torch.eye(3)[None])[0].T
    step = weight.abs().amax(1, keepdim=True) / (2 ** (bits - 1) - 1)
    assert ((found - weight).abs() <= step / 2 + 1e-6 * weight.abs().amax() + 2.0**-24).all()


def line_contract(weight):
    rows, columns = weight.shape
    return GraphContract(
        graph="line",
        inputs=(spec("rows", 1, columns, columns),),
        outputs=(spec("out", 1, columns, rows),),
        image_size=(4, 4),
    )


def test_what_a_role_keeps_has_its_weights() -> None:
    weight = torch.tensor([[1.0, 0.3, 0.7], [0.1, 0.9, 0.2]])
    contract = line_contract(weight)
    scheme = Quantisation(weight_bits=4, stays_float=(StaysFloat(role="gate", why="exact"),))
    quantised = quantise_captured(capture(Line(weight), contract), contract, scheme, [], {"gate": "layer"})
    with torch.no_grad():
        found = quantised.program.module(check_guards=False)(torch.eye(3)[None])[0].T
    torch.testing.assert_close(found, weight)
    assert [(left.module, left.why) for left in quantised.left] == [("layer", "gate: exact")]
