import math

import pytest
import torch

from rapsam.training.place_loss import CYCLES, PlaceReadout


def _features(height, width):
    """Features that are the sines of x alone, the sines of y alone and one."""
    y, x = torch.meshgrid(
        (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width, indexing="ij"
    )
    maps = [
        wave(2 * math.pi * cycles * place)
        for cycles in CYCLES
        for place in (x, y)
        for wave in (torch.sin, torch.cos)
    ]
    return torch.stack(maps)[None]


def test_features_that_carry_the_place_have_nothing_to_learn():
    features = _features(6, 10)
    readout = PlaceReadout(features.shape[1])
    optimiser = torch.optim.LBFGS(
        readout.parameters(), max_iter=1000, tolerance_grad=1e-12, tolerance_change=1e-15
    )

    def closure():
        optimiser.zero_grad()
        loss = readout(features)
        loss.backward()
        return loss

    optimiser.step(closure)
    assert float(readout(features).detach()) < 1e-6


@torch.no_grad()
def test_coordinates_alone_are_not_enough():
    y, x = torch.meshgrid(torch.linspace(-1, 1, 16), torch.linspace(-1, 1, 16), indexing="ij")
    readout = PlaceReadout(2)
    # The mean square of a sine is a half: what a readout that says nothing costs, slow waves more than fast.
    expected = sum(0.5 / cycles**2 for cycles in CYCLES) / len(CYCLES)
    assert float(readout(torch.stack([x, y])[None])) == pytest.approx(expected, rel=0.04)
