"""The weights that come with the package: the ones that were scored, and as good as the record says."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.studies.shipped_weights import ASKED, known_weights, score_first_images
from rapsam.files import sha256_of
from rapsam.models.build import build_model, deployment_of
from rapsam.models.shipped import SHIPPED, shipped_name, weights_path
from rapsam.models.weight_facts import read_facts

MOST_BYTES = 12_000_000


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
    assert deployment_of(build_model(SHIPPED[record.name], checkpoint=record.name)).weights.trained
    found = score_first_images(record.name)
    # Another processor rounds differently; a few pixels of a few segments.
    assert found.pq == pytest.approx(record.first_images.pq, abs=0.02)
    assert found.click_miou == pytest.approx(record.first_images.click_miou, abs=0.01)


def test_what_was_asked_of_them_is_reached():
    scores = known_weights().scores
    assert {name: scores[name] >= asked for name, asked in ASKED.items()} == dict.fromkeys(ASKED, True)


def test_names_of_shipped_weights_are_no_paths():
    assert str(weights_path("other.safetensors")) == "other.safetensors"
    assert weights_path("nano-synth").name == "nano-synth.safetensors"
    assert shipped_name("nano-synth.safetensors") == "nano-synth"
    assert shipped_name("mine.safetensors") is None
