"""The weights that come with the package: the ones that were scored, and as good as the record says."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.shipped_weights import HELD_OUT, known_weights
from rapsam.data.synth.source import SynthImages
from rapsam.evaluation.run import evaluate
from rapsam.evaluation.subject import model_subject
from rapsam.files import sha256_of
from rapsam.models.build import build_model, deployment_of
from rapsam.models.shipped import SHIPPED, shipped_name, weights_path
from rapsam.models.weight_facts import read_facts

MOST_BYTES = 12_000_000
# A few images say less than five hundred; the file that was scored cannot be this much worse.
SLACK = 0.15


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_the_file_is_small_and_knows_its_use(name):
    path = weights_path(name)
    assert path.stat().st_size <= MOST_BYTES
    facts = read_facts(path)
    assert (facts.model, facts.vocabulary, facts.sides) == (SHIPPED[name], "synth", (256, 256))


def test_the_file_is_the_one_that_was_scored():
    record = known_weights()
    assert sha256_of(weights_path(record.name)) == record.sha256
    assert weights_path(record.name).stat().st_size == record.size_bytes


def test_its_scores_are_those_of_the_record():
    record = known_weights()
    seed = int(HELD_OUT[HELD_OUT.index("--seed") + 1])
    model = build_model(SHIPPED[record.name], checkpoint=record.name)
    assert deployment_of(model).trained
    subject, images = model_subject(model, model.test_sides(video=False)), SynthImages(seed, 40)
    panoptic = evaluate(subject, images, "panoptic").results["panoptic"]
    clicks = evaluate(subject, images, "prompts").results["clicks"]
    assert panoptic.pq == pytest.approx(record.scores["pq"], abs=SLACK)
    assert clicks.mean_iou == pytest.approx(record.scores["click_miou"], abs=SLACK)


def test_names_of_shipped_weights_are_no_paths():
    assert str(weights_path("other.safetensors")) == "other.safetensors"
    assert weights_path("nano-synth").name == "nano-synth.safetensors"
    assert shipped_name("nano-synth.safetensors") == "nano-synth"
    assert shipped_name("mine.safetensors") is None
