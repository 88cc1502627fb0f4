"""References are computed once, unless someone looks into the computation."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from rapsam.export.parity.rounding import RandomRounding
from rapsam.export.parity.shared_references import SharedReferences
from rapsam.models.build import deployment_of
from tests.models.golden_models import golden_model


class Counting:
    """A network that counts how often it is asked."""

    def __init__(self) -> None:
        self.network = deployment_of(golden_model("rapsam_nano"))
        self.asked = 0

    def __getattr__(self, name):
        return getattr(self.network, name)

    def reference(self, graph, inputs):
        self.asked += 1
        return self.network.reference(graph, inputs)

    def to(self, _device):
        return self


@pytest.fixture
def network():
    return Counting()


def image(seed: int) -> dict[str, torch.Tensor]:
    return {"image": torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 255}


def test_the_outputs_are_those_of_the_network(network):
    shared = SharedReferences(network)
    for seed in (1, 2, 1):
        expected = network.reference("encoder", image(seed))
        outputs = shared.reference("encoder", image(seed))
        assert all(torch.equal(outputs[name], expected[name]) for name in expected)


def test_the_same_inputs_are_computed_once_on_every_copy(network):
    shared = SharedReferences(network)
    shared.to("cpu").reference("encoder", image(1))
    shared.to("cpu").to("cpu").reference("encoder", image(1))
    assert network.asked == 1
    shared.to("cpu").reference("encoder", image(2))
    shared.to("cpu").reference("panoptic_image", image(2))
    assert network.asked == 3


def test_who_changes_outputs_changes_nobody_elses(network):
    shared = SharedReferences(network)
    expected = shared.reference("encoder", image(1))["features"].clone()
    shared.reference("encoder", image(1))["features"].zero_()
    assert torch.equal(shared.reference("encoder", image(1))["features"], expected)


def test_what_was_not_asked_for_longest_is_forgotten(network):
    size = sum(t.numel() * 4 for t in network.network.reference("encoder", image(1)).values())
    shared = SharedReferences(network, limit_bytes=2 * size)
    for seed, asked in ((1, 1), (2, 2), (1, 2), (3, 3), (1, 3), (2, 4)):
        shared.reference("encoder", image(seed))
        assert network.asked == asked


def test_random_rounding_is_computed_once_for_each_kind_and_seed(network):
    shared = SharedReferences(network)
    exact = shared.reference("encoder", image(1))["features"]
    found = []
    for arithmetic, seed in (("fp32", 0), ("fp32", 1), ("fp16", 0), ("fp32", 0)):
        with RandomRounding(arithmetic, seed):
            found.append(shared.reference("encoder", image(1))["features"])
    assert network.asked == 4
    assert torch.equal(found[0], found[3])
    different = [exact, *found[:3]]
    assert not any(torch.equal(a, b) for a, b in itertools.combinations(different, 2))
    with RandomRounding("fp16", 0):
        alone = network.reference("encoder", image(1))["features"]
    assert torch.equal(found[2], alone)


def test_a_run_that_is_watched_is_a_real_one(network):
    shared = SharedReferences(network)
    shared.reference("encoder", image(1))
    with FlopCounterMode(display=False) as counter:
        shared.reference("encoder", image(1))
    assert counter.get_total_flops() > 0
