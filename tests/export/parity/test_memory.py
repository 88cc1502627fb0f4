"""References are computed once, with every rounding of its own, and nobody changes what others get."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from rapsam.export.parity.case import reference_question
from rapsam.export.parity.memory import RememberingRunner, RunMemory
from rapsam.export.parity.rounding import RoundedRunner
from rapsam.inference.reference import EagerRunner
from rapsam.models.build import deployment_of
from tests.models.golden_models import golden_model


class Counting:
    """A runner that counts how often it runs."""

    def __init__(self, runner) -> None:
        self.runner = runner
        self.asked = 0

    def run(self, inputs):
        self.asked += 1
        return self.runner.run(inputs)


@pytest.fixture(scope="module")
def network():
    return deployment_of(golden_model("rapsam_nano"))


@pytest.fixture
def encoder(network):
    return Counting(EagerRunner(network, "encoder", "cpu"))


def image(seed: int) -> dict[str, np.ndarray]:
    return {"image": np.random.default_rng(seed).uniform(0, 255, (1, 3, 32, 32)).astype(np.float32)}


def test_the_outputs_are_those_of_the_runner(encoder):
    remembering = RememberingRunner(encoder, "encoder", RunMemory())
    for seed in (1, 2, 1):
        np.testing.assert_array_equal(
            remembering.run(image(seed))["features"], encoder.runner.run(image(seed))["features"]
        )
    assert encoder.asked == 2


def test_runners_of_one_memory_that_compute_the_same_run_once(network, encoder):
    memory = RunMemory()
    other = Counting(EagerRunner(network, "panoptic_image", "cpu"))
    RememberingRunner(encoder, "encoder", memory).run(image(1))
    RememberingRunner(encoder, "encoder", memory).run(image(1))
    RememberingRunner(other, "panoptic_image", memory).run(image(1))
    assert (encoder.asked, other.asked) == (1, 1)


def test_who_changes_outputs_changes_nobody_elses(encoder):
    remembering = RememberingRunner(encoder, "encoder", RunMemory())
    expected = remembering.run(image(1))["features"].copy()
    remembering.run(image(1))["features"][:] = 0
    np.testing.assert_array_equal(remembering.run(image(1))["features"], expected)


@pytest.mark.parametrize(("kept", "steps"), [(2, (1, 2, 2, 3, 3, 4)), (0, (1, 2, 3, 4, 5, 6))])
def test_what_was_not_asked_for_longest_is_forgotten(encoder, kept, steps):
    size = sum(array.nbytes for array in encoder.runner.run(image(1)).values())
    remembering = RememberingRunner(encoder, "encoder", RunMemory(limit_bytes=kept * size))
    for seed, asked in zip((1, 2, 1, 3, 1, 2), steps, strict=True):
        remembering.run(image(seed))
        assert encoder.asked == asked


def test_the_latest_outputs_always_stay(encoder):
    remembering = RememberingRunner(encoder, "encoder", RunMemory(limit_bytes=0))
    for _ in range(3):
        remembering.run(image(1))
    assert encoder.asked == 1


def test_random_rounding_is_computed_once_for_each_kind_and_seed(encoder):
    memory, found = RunMemory(), []
    for arithmetic, seed in (("fp32", 0), ("fp32", 1), ("fp16", 0), ("fp32", 0)):
        rounded = RoundedRunner(encoder, arithmetic, seed)
        asked = reference_question("encoder", rounded.name)
        found.append(RememberingRunner(rounded, asked, memory).run(image(1))["features"])
    assert encoder.asked == 3
    exact = RememberingRunner(encoder, reference_question("encoder"), memory).run(image(1))["features"]
    np.testing.assert_array_equal(found[0], found[3])
    different = [exact, *found[:3]]
    assert not any(np.array_equal(a, b) for a, b in itertools.combinations(different, 2))
    np.testing.assert_array_equal(found[2], RoundedRunner(encoder, "fp16", 0).run(image(1))["features"])
