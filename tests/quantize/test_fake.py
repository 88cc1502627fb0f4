"""Few bits while a network trains: what is rounded, how, and that it is what the exporter rounds."""

from __future__ import annotations

import msgspec
import pytest
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from rapsam.contract import GraphContract
from rapsam.graph.capture import capture
from rapsam.quantize.captured import quantise_captured
from rapsam.quantize.fake import MOMENTUM, FakeQuantisation, MovingRange, weighted_modules
from rapsam.quantize.scheme import KINDS, Quantisation, StaysFloat
from tests.quantize.test_policy import spec

ALL = tuple(dict.fromkeys(KINDS.values()))
INTEGERS = Quantisation(activation_bits=8, signed=False, kinds=ALL, integer_biases=True)
SYMMETRIC = Quantisation(activation_bits=8, symmetric=True, kinds=ALL)
WEIGHTS = Quantisation()
SIZE = (16, 16)


class Residual(nn.Module):
    """A stem, a block with a shortcut, and two maps of different sizes that are added and joined."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.stem, self.stem_norm = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.pool = nn.MaxPool2d(2)
        self.first, self.first_norm = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.second, self.second_norm = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 8, 2, 2)
        self.lateral, self.wide = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
        self.last, self.beside = nn.Conv2d(8, 4, 1), nn.Conv2d(8, 4, 1)
        for norm in (self.stem_norm, self.first_norm, self.second_norm):
            nn.init.uniform_(norm.running_mean, -0.2, 0.2)
            nn.init.uniform_(norm.running_var, 0.2, 2)
            nn.init.uniform_(norm.weight, -1.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)

    def forward(self, image):
        deep = self.pool(shallow := torch.relu(self.stem_norm(self.stem(image))))
        deep = torch.relu(self.second_norm(self.second(torch.relu(self.first_norm(self.first(deep))))) + deep)
        larger = self.lateral(shallow) + torch.relu(self.up(deep))
        wide = nn.functional.interpolate(self.wide(deep), scale_factor=2, mode="bilinear")
        return torch.cat([self.last(larger + wide), self.beside(shallow)], dim=1)


@pytest.fixture(scope="module")
def network():
    return Residual().eval()


def image():
    return torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def faked(network, scheme, parts=None):
    return FakeQuantisation(scheme, weighted_modules(network), parts or {})


def computed(network, scheme, parts=None):
    with torch.no_grad(), faked(network, scheme, parts).computing(network):
        return network(image())


def decibels(value, wanted):
    return float(10 * torch.log10(wanted.square().sum() / (value - wanted).square().sum()))


@pytest.mark.parametrize("scheme", [WEIGHTS, INTEGERS, SYMMETRIC], ids=["w8", "w8a8", "w8a8 symmetric"])
def test_it_computes_what_the_exported_graph_will(network, scheme):
    """With the exporter's ranges, which are those of the float network; some roundings flip all the same."""
    contract = GraphContract(
        graph="residual",
        inputs=(spec("image", 1, 3, *SIZE),),
        outputs=(spec("out", 1, 8, *SIZE),),
        image_size=SIZE,
    )
    sample = {"image": image().numpy()}
    exported = quantise_captured(capture(network, contract), contract, scheme, [sample], {}).program
    fine = msgspec.structs.replace(scheme, weight_bits=16, activation_bits=scheme.activation_bits and 16)
    ranges, bits = faked(network, fine), faked(network, scheme)
    with torch.no_grad():
        wanted, exact = exported.module(check_guards=False)(image()), network(image())
        with ranges.computing(network):
            network(image())
        bits.load_state_dict(ranges.state_dict())
        with bits.computing(network):
            found = network(image())
    assert decibels(exact, wanted) < 60
    assert decibels(found, wanted) > decibels(exact, wanted) + 6


def test_rounding_a_weight_commutes_with_folding_a_norm(network):
    bits = faked(network, WEIGHTS)
    conv, norm = network.first, network.first_norm
    facts = norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
    rounded = bits.rounded_weight(conv.weight, "convolution")
    before, _ = fuse_conv_bn_weights(rounded, None, *facts)
    folded, _ = fuse_conv_bn_weights(conv.weight, None, *facts)
    assert bool((norm.weight < 0).any())
    torch.testing.assert_close(before, bits.rounded_weight(folded, "convolution"), rtol=0, atol=1e-6)
    assert not torch.allclose(before, folded, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("kind", "axis"), [("convolution", 0), ("transposed convolution", 1)])
def test_a_weight_has_a_scale_per_output_channel(kind, axis, network):
    weight = torch.randn(4, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    weight.select(axis, 2).mul_(1000)
    scheme = msgspec.structs.replace(WEIGHTS, weight_bits=4)
    rounded = faked(network, scheme).rounded_weight(weight, kind)
    for channel in range(4):
        ours, theirs = rounded.select(axis, channel), weight.select(axis, channel)
        assert len(ours.unique()) <= 15
        assert float((ours - theirs).abs().max()) <= float(theirs.abs().max()) / 7 / 2 * 1.001


def test_gradients_pass_and_weights_stay_what_they_are(network):
    weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with faked(network, INTEGERS).computing(network):
        network(image()).sum().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert bool(parameter.grad.isfinite().all()), name
    network.zero_grad()
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())


def test_weights_alone_have_no_ranges(network):
    assert not faked(network, WEIGHTS).state_dict()


def test_modules_that_are_not_named_and_those_of_a_role_stay_float(network):
    whole, exact = computed(network, INTEGERS), network(image()).detach()
    keeping = msgspec.structs.replace(INTEGERS, stays_float=(StaysFloat(role="gate", why="a test"),))
    assert torch.equal(computed(network, keeping, {"gate": r"."}), exact)
    assert torch.equal(computed(network, keeping, {"sampling": r"."}), whole)
    of_products = (StaysFloat(role="gate", why="a test", kinds=("product",)),)
    keeping = msgspec.structs.replace(INTEGERS, stays_float=of_products)
    assert torch.equal(computed(network, keeping, {"gate": r"."}), whole)
    with torch.no_grad(), FakeQuantisation(INTEGERS, {}, {}).computing(network):
        assert torch.equal(network(image()), exact)


def test_what_the_target_cannot_compute_has_small_weights_or_none(network):
    linear_only = msgspec.structs.replace(INTEGERS, kinds=("linear",))
    assert torch.equal(computed(network, linear_only), computed(network, WEIGHTS))
    none = msgspec.structs.replace(linear_only, small_weights=False)
    assert torch.equal(computed(network, none), network(image()))


class Packed(nn.Module):
    """Three projections in one weight, as attention has them."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(5)
        self.both = nn.Linear(4, 6)

    def forward(self, rows):
        weights, biases = self.both.weight.chunk(2), self.both.bias.chunk(2)
        parts = zip(weights, biases, strict=True)
        return torch.cat([nn.functional.linear(rows, weight, bias) for weight, bias in parts], dim=-1)


def test_a_packed_projection_is_rounded_as_the_whole_that_it_is():
    network, rows = Packed(), torch.randn(2, 4, generator=torch.Generator().manual_seed(2))
    with faked(network, INTEGERS).computing(network):
        apart = network(rows)
    with faked(network, INTEGERS).computing(network):
        whole = network.both(rows)
    torch.testing.assert_close(apart, whole)
    assert not torch.allclose(whole, network.both(rows), rtol=0, atol=1e-5)


def test_a_range_moves_by_a_hundredth_and_only_when_it_may():
    moving = MovingRange(INTEGERS)
    moving(torch.tensor([-1.0, 3.0]), True)
    assert (float(moving.low), float(moving.high)) == (-1, 3)
    moving(torch.tensor([-2.0, 103.0]), True)
    assert float(moving.low) == pytest.approx(-1 - MOMENTUM)
    assert float(moving.high) == pytest.approx(3 + 100 * MOMENTUM)
    before = moving.state_dict()
    again = moving(torch.tensor([-50.0, 0.5, 50.0]), False)
    assert moving.state_dict() == before
    assert float(again[0]) == pytest.approx(-1 - MOMENTUM, abs=0.02)
    assert float(again[2]) == pytest.approx(3 + 100 * MOMENTUM, abs=0.02)


def test_zero_is_the_middle_of_a_symmetric_range():
    moving = MovingRange(SYMMETRIC)
    rounded = moving(torch.tensor([-1.0, 0.0, 3.0]), True)
    steps = rounded * 127 / 3
    torch.testing.assert_close(steps, torch.tensor([-42.0, 0.0, 127.0]))


def test_a_dynamic_range_is_that_of_the_batch():
    moving = MovingRange(msgspec.structs.replace(INTEGERS, dynamic=True))
    for largest in (3.0, 103.0, 1.0):
        moving(torch.tensor([-1.0, largest]), True)
        assert float(moving.high) == pytest.approx(largest)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_passes_and_leaves_the_range(value):
    moving = MovingRange(INTEGERS)
    moving(torch.tensor([-1.0, 3.0]), True)
    odd = torch.tensor([value, 0.123])
    assert torch.equal(moving(odd, True).nan_to_num(), odd.nan_to_num())
    assert (float(moving.low), float(moving.high)) == (-1, 3)


def test_half_precision_is_rounded_in_float32_and_comes_back():
    moving, x = MovingRange(INTEGERS), torch.linspace(-1, 3, 500)
    assert moving(x.bfloat16(), True).dtype == torch.bfloat16
    assert float((moving(x, False) - x).abs().max()) <= 4 / 255 / 2 * 1.01


def test_a_network_learns_to_live_with_few_bits():
    """With weights of three values: training wins back a part of what they cost."""
    network, scheme = Residual().eval(), msgspec.structs.replace(WEIGHTS, weight_bits=2)
    wanted = network(image()).detach()
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.01, 200)
    bits, losses = faked(network, scheme), []
    for _ in range(200):
        with bits.computing(network):
            loss = (network(image()) - wanted).square().mean()
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        schedule.step()
        losses.append(float(loss.detach()))
    assert sum(losses[-10:]) / 10 < 0.7 * losses[0]
