"""What holds for every accumulator: perfect is 1, order and splitting change nothing, state is a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rapsam.errors import InputError
from rapsam.metrics.interactive_quality import InteractiveAccumulator
from rapsam.metrics.mask_precision import MaskPrecisionAccumulator
from rapsam.metrics.panoptic_quality import PanopticAccumulator
from rapsam.metrics.semantic_iou import SemanticAccumulator
from rapsam.metrics.tracking_quality import TrackingAccumulator
from rapsam.metrics.tube_precision import TubePrecisionAccumulator
from rapsam.metrics.video_panoptic_quality import VideoPanopticAccumulator
from tests.metrics.scenes import (
    CLASSES,
    THINGS,
    instances,
    overlaps_of,
    random_detections,
    random_frames,
    random_masks,
    spoiled,
    video_tubes,
)

CROWD = np.array([2000])


class Case(NamedTuple):
    """A metric: how it is made, what its `add` takes for a seed, and how to read its main figure."""

    make: Callable
    item: Callable
    perfect: Callable
    figure: str
    strange: Callable


def panoptic(seed):
    reference = random_frames(seed)[0]
    return spoiled(reference, seed), reference, CROWD


def video(seed):
    reference = random_frames(seed, frames=2 + seed % 6)
    return overlaps_of(spoiled(reference, seed), reference), CROWD


def perfect_video(seed):
    reference = random_frames(seed, frames=6)
    return overlaps_of(reference, reference), CROWD


def prompts(seed):
    rng = np.random.default_rng(seed)
    masks = random_masks(rng, int(rng.integers(0, 5)))[:, 0]
    return np.roll(masks, 1, axis=2), masks


def image(seed):
    found, labels, scores, masks, classes, crowd = random_detections(seed)
    return instances(found[:, 0], labels, scores), masks[:, 0], classes, crowd


def objects(seed, frames=1):
    """Returns two objects of class 0 and one of class 1 that do not overlap."""
    rng = np.random.default_rng(seed)
    owner = rng.integers(0, 4, (frames, 6, 6))
    owner[:, 0, :3] = [0, 1, 2]
    masks = np.stack([owner == number for number in range(3)])
    return masks, np.array([0, 0, 1]), rng.random(3), masks, np.array([0, 0, 1]), np.zeros(3, bool)


def perfect_image(seed):
    found, labels, scores, masks, classes, crowd = objects(seed)
    return instances(found[:, 0], labels, scores), masks[:, 0], classes, crowd


CASES = {
    "panoptic": Case(
        lambda: PanopticAccumulator(CLASSES, THINGS),
        panoptic,
        lambda seed: panoptic(seed)[1:2] * 2 + (CROWD,),
        "pq",
        lambda: PanopticAccumulator(CLASSES + 1, THINGS),
    ),
    "video panoptic": Case(
        lambda: VideoPanopticAccumulator(CLASSES, THINGS),
        video,
        perfect_video,
        "vpq",
        lambda: VideoPanopticAccumulator(CLASSES, THINGS, windows=[1, 2]),
    ),
    "tracking": Case(
        lambda: TrackingAccumulator(CLASSES, THINGS),
        video,
        perfect_video,
        "stq",
        lambda: TrackingAccumulator(CLASSES + 1, THINGS),
    ),
    "semantic": Case(
        lambda: SemanticAccumulator(CLASSES),
        lambda seed: panoptic(seed)[:2],
        lambda seed: panoptic(seed)[1:2] * 2,
        "mean_iou",
        lambda: SemanticAccumulator(CLASSES + 1),
    ),
    "interactive": Case(
        InteractiveAccumulator,
        prompts,
        lambda seed: (random_masks(np.random.default_rng(seed), 3)[:, 0],) * 2,
        "mean_iou",
        None,
    ),
    "mask precision": Case(
        lambda: MaskPrecisionAccumulator(THINGS),
        image,
        perfect_image,
        "ap",
        lambda: TubePrecisionAccumulator(THINGS),
    ),
    "tube precision": Case(
        lambda: TubePrecisionAccumulator(THINGS),
        lambda seed: (video_tubes(*random_detections(seed, frames=3)),),
        lambda seed: (video_tubes(*objects(seed, frames=3)),),
        "ap",
        lambda: TubePrecisionAccumulator(THINGS + 1),
    ),
}
every_metric = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


def counted(case, items):
    accumulator = case.make()
    for item in items:
        accumulator.add(*item)
    return accumulator


def assert_alike(one, other):
    """Compares two results, nested records and tuples included; sums may differ by rounding."""
    if isinstance(one, msgspec.Struct):
        one, other = msgspec.structs.astuple(one), msgspec.structs.astuple(other)
    if isinstance(one, tuple):
        assert len(one) == len(other)
        for ours, theirs in zip(one, other, strict=True):
            assert_alike(ours, theirs)
    else:
        np.testing.assert_allclose(one, other, rtol=1e-9)


@every_metric
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000))
def test_a_perfect_prediction_is_1(case, seed):
    assert getattr(counted(case, [case.perfect(seed)]).result(), case.figure) == pytest.approx(1)


@every_metric
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(5)))
def test_order_does_not_matter(case, seed, order):
    items = [case.item(seed * 5 + place) for place in range(5)]
    assert_alike(counted(case, items).result(), counted(case, [items[place] for place in order]).result())


@every_metric
@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 4))
def test_parts_counted_apart_are_the_whole(case, seed, cut):
    items = [case.item(seed * 4 + place) for place in range(4)]
    first, second = counted(case, items[:cut]), counted(case, items[cut:])
    first.merge(second.state())
    assert_alike(first.result(), counted(case, items).result())


@every_metric
def test_an_interrupted_evaluation_goes_on_from_a_file(case):
    items = [case.item(seed) for seed in range(6)]
    before = counted(case, items[:3])
    saved = msgspec.json.encode(before.state())
    after = case.make()
    after.merge(msgspec.json.decode(saved, type=type(after.state())))
    assert after.state() == before.state()
    for item in items[3:]:
        after.add(*item)
    assert_alike(after.result(), counted(case, items).result())


@every_metric
def test_a_fresh_accumulator_has_nothing_to_say(case):
    assert np.isnan(getattr(case.make().result(), case.figure))


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.strange])
def test_counts_of_another_evaluation_are_refused(name):
    case = CASES[name]
    with pytest.raises(InputError, match="they belong to another evaluation"):
        case.make().merge(case.strange().state())


def test_lists_of_unequal_length_are_refused():
    state = counted(CASES["mask precision"], [image(1)]).state()
    broken = msgspec.structs.replace(state.classes[0], ranks=[*state.classes[0].ranks, 1])
    with pytest.raises(InputError, match="they belong to another evaluation or are damaged"):
        CASES["mask precision"].make().merge(
            msgspec.structs.replace(state, classes=[broken, *state.classes[1:]])
        )
