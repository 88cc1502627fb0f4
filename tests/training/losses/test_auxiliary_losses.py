import math

import pytest
import torch

from rapsam.training.batch import ObjectSample
from rapsam.training.losses.auxiliary import CYCLES, PositionReadout, SemanticReadout

CLASSES, SIZE = 4, 16


def _sample(classes=(1, 3), frames=1):
    """A large segment above, a small one below, and pixels of nobody."""
    masks = torch.zeros(2, frames, SIZE, SIZE, dtype=torch.bool)
    masks[0, :, :8], masks[1, :, 12:, :4] = True, True
    return ObjectSample(
        0,
        "drawn",
        torch.zeros(frames, 3, SIZE, SIZE),
        masks,
        torch.tensor(classes),
        torch.ones(CLASSES, dtype=torch.bool),
    )


def _telling(sample, strength):
    """Features at a quarter of the size, one channel a class, that tell the class of every segment."""
    features = torch.zeros(sample.masks.shape[1], CLASSES, SIZE // 4, SIZE // 4)
    for mask, label in zip(sample.masks, sample.classes.tolist(), strict=True):
        if label >= 0:
            features[:, label] += strength * mask[:, ::4, ::4]
    return features


def _reading():
    readout = SemanticReadout(CLASSES, CLASSES)
    with torch.no_grad():
        readout.readout.weight.copy_(torch.eye(CLASSES)[..., None, None])
    return readout


@pytest.mark.parametrize("frames", [1, 3])
def test_each_segment_counts_the_same_however_large(frames):
    sample = _sample(frames=frames)
    features = torch.zeros(frames, CLASSES, 4, 4)
    # A readout that starts from zero says that every class is as likely: ln 4 for each of two segments.
    assert float(SemanticReadout(CLASSES, CLASSES)(features, [sample]).detach()) == pytest.approx(
        2 * math.log(4)
    )
    assert float(_reading()(_telling(sample, 50.0), [sample]).detach()) == pytest.approx(0, abs=1e-5)
    wrong_below = _telling(sample, 50.0)
    wrong_below[:, :, 3, :1] = 0
    assert float(_reading()(wrong_below, [sample]).detach()) == pytest.approx(math.log(4), abs=1e-5)


def test_pixels_of_nobody_and_unknown_classes_count_nothing():
    sample = _sample(classes=(1, -1))
    features = _telling(sample, 50.0).requires_grad_()
    _reading()(features, [sample]).backward()
    touched = features.grad.abs().sum(dim=(0, 1)) > 0
    assert not bool(touched[2:].any())
    nobody = _sample(classes=(-1, -1))
    assert float(_reading()(_telling(nobody, 1.0), [nobody]).detach()) == 0


def test_samples_of_a_batch_have_their_own_frames():
    one, other = _sample(), _sample(classes=(0, 2))
    features = torch.cat([_telling(one, 50.0), _telling(other, 50.0)])
    assert float(_reading()(features, [one, other]).detach()) == pytest.approx(0, abs=1e-5)
    assert float(_reading()(features.flip(0), [one, other]).detach()) > 10


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


def test_features_that_carry_the_position_have_nothing_to_learn():
    features = _features(6, 10)
    readout = PositionReadout(features.shape[1])
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
    readout = PositionReadout(2)
    # The mean square of a sine is a half: what a readout that says nothing costs, slow waves more than fast.
    expected = sum(0.5 / cycles**2 for cycles in CYCLES) / len(CYCLES)
    assert float(readout(torch.stack([x, y])[None])) == pytest.approx(expected, rel=0.04)
