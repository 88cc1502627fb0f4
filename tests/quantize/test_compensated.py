"""Weights from palettes whose errors make up for each other."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract
from rapsam.errors import InputError
from rapsam.graph.capture import capture
from rapsam.quantize.compensated import compensate_weights, palette_channels
from rapsam.quantize.palette import nearest, weighted_palette
from rapsam.quantize.scheme import Quantisation
from tests.quantize.test_policy import spec

SCHEME = Quantisation(stage="file", weight_bits=4, palette=True, group=16, compensated=True)
CONTRACT = GraphContract(graph="g", inputs=(spec("x", 1, 8, 12, 12),), outputs=(spec("y", 1, 32, 12, 12),))
LAYERS = {
    "convolution": lambda: nn.Conv2d(8, 32, 3, padding=1),
    "grouped": lambda: nn.Conv2d(8, 32, 5, padding=2, groups=4),
    "dilated": lambda: nn.Conv2d(8, 32, 3, padding=2, dilation=2),
    "transposed": lambda: nn.ConvTranspose2d(8, 32, 3, padding=1),
    "transposed, grouped": lambda: nn.ConvTranspose2d(8, 32, 5, padding=2, groups=4),
}


def layer(name):
    torch.manual_seed(0)
    return LAYERS[name]()


def samples(count=8):
    """Inputs that go along with each other, as those of networks do."""
    rng = np.random.default_rng(3)
    mix = rng.normal(size=(8, 3))
    return [
        {"x": np.einsum("cm,mhw->chw", mix, rng.normal(size=(3, 12, 12)))[None].astype(np.float32)}
        for _ in range(count)
    ]


def weight_of(program):
    return next(tensor for tensor in program.state_dict.values() if tensor.ndim == 4)


def output(program, sample):
    with torch.no_grad():
        return program.module(check_guards=False)(torch.from_numpy(sample["x"]))


def error(program, other):
    return sum((output(program, s) - output(other, s)).square().sum().item() for s in samples())


def made(name):
    program = capture(layer(name), CONTRACT)
    return program, compensate_weights(program, CONTRACT, SCHEME, samples(), {})


@pytest.mark.parametrize("name", LAYERS)
def test_every_palette_has_few_values_that_16_bits_hold(name):
    program, found = made(name)
    weight = weight_of(found)
    channels = weight.transpose(0, 1) if "transposed" in name else weight
    for part in channels.split(palette_channels(len(channels), SCHEME)):
        assert len(part.unique()) <= 16
    assert torch.equal(weight, weight.half().float())
    assert not torch.equal(weight_of(program), weight)


@pytest.mark.parametrize("name", ["convolution", "grouped", "dilated", "transposed"])
def test_errors_make_up_for_each_other(name):
    program, found = made(name)
    by_itself = capture(layer(name), CONTRACT)
    weight = weight_of(by_itself).detach()
    palette = weighted_palette(weight.double().numpy().ravel(), np.ones(weight.numel()), 16)
    weight.copy_(nearest(weight, torch.from_numpy(palette).float()))
    assert error(program, found) < 0.8 * error(program, by_itself)


def test_channels_that_come_out_uneven_share_one_palette():
    assert palette_channels(48, SCHEME) == 16
    assert palette_channels(67, SCHEME) == 67
    assert palette_channels(48, msgspec.structs.replace(SCHEME, group=None)) == 48


def test_what_is_kept_and_what_is_small_keeps_its_values():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.kept, self.small = nn.Conv2d(8, 32, 3, padding=1), nn.Conv2d(32, 32, 1, groups=32)

        def forward(self, x):
            return self.small(self.kept(x))

    program = capture(Two(), CONTRACT)
    found = compensate_weights(program, CONTRACT, SCHEME, samples(), {}, frozenset({"kept"}))
    assert torch.equal(output(program, samples()[0]), output(found, samples()[0]))


def test_no_samples_and_no_numbers_are_refused():
    program = capture(layer("convolution"), CONTRACT)
    with pytest.raises(InputError, match="no samples to calibrate graph 'g' with; give --calibration"):
        compensate_weights(program, CONTRACT, SCHEME, [], {})
    with pytest.raises(InputError, match="that are no finite numbers"):
        compensate_weights(
            program, CONTRACT, SCHEME, [{"x": np.full((1, 8, 12, 12), np.nan, np.float32)}], {}
        )


def test_a_scheme_without_a_palette_cannot_be_compensated():
    with pytest.raises(ValueError, match="come from a palette"):
        Quantisation(compensated=True)
