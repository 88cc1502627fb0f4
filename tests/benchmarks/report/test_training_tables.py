"""Tables of training speed and of the shipped weights: every figure beside what was asked."""

from __future__ import annotations

import msgspec

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, read_records, write_records
from rapsam.benchmarks.report.training import training_table, weights_table
from rapsam.benchmarks.studies.shipped_weights import COMMAND, LEGS, FirstImages, Leg, ShippedWeights
from rapsam.benchmarks.studies.training_speed import EvaluationSpeed, LossShare, TrainingSpeed, TrainingSpeeds
from rapsam.machine import this_machine
from rapsam.training.recipe_files import load_recipe

SPEEDS = TrainingSpeeds(
    schema_version=SCHEMA_VERSION,
    command="python -m x",
    created_utc="2026-01-02T03:04:05+00:00",
    machine=this_machine(),
    threads=2,
    training=(
        TrainingSpeed(model="rapsam_nano", workers=1, batch_size=6, samples_per_s=10.26, wait_share=0.0123),
    ),
    losses=(LossShare(model="rapsam_nano", step_ms=400.0, bare_ms=300.0, share=0.25),),
    evaluation=(EvaluationSpeed(model="rapsam_nano", task="panoptic", images=500, seconds=90.0),),
)
WEIGHTS = ShippedWeights(
    schema_version=SCHEMA_VERSION,
    command=COMMAND,
    created_utc="2026-01-02T03:04:05+00:00",
    machine=this_machine(),
    name="nano-synth",
    sha256="ab" * 32,
    size_bytes=10_100_000,
    drawn=("a", "b"),
    backbone_epochs=3,
    legs=tuple(Leg(recipe=load_recipe(name), steps=500, hours=0.8) for name in LEGS),
    scores={
        "pq": 0.5,
        "pq_things": 0.45,
        "pq_stuff": None,
        "mask_ap": 0.2,
        "semantic_miou": 0.6,
        "click_miou": 0.7,
        "click_noc_85": 9.5,
        "box_miou": 0.75,
        "tube_ap": 0.1,
    },
    first_images=FirstImages(pq=0.5, click_miou=0.7),
)


def test_speeds_stand_beside_what_was_asked():
    table = training_table(SPEEDS)
    assert "| training of rapsam_nano, 1 loading process: samples per second | - | 10.3 |" in table
    assert "| the same: share of time waiting for data | < 10% | 1.2% |" in table
    assert "| matching and losses of rapsam_nano, of a step | < 25% | 25.0% |" in table
    assert "| evaluation of 500 images, panoptic, rapsam_nano | <= 5 min | 1.5 min |" in table
    assert "2026-01-02" in table
    assert "python -m x" in table


def test_scores_stand_beside_what_was_asked():
    table = weights_table(WEIGHTS)
    assert "| PQ | >= 0.45 | 0.500 |" in table
    assert "| PQ, stuff | - | - |" in table
    assert "| one click: mean IoU | >= 0.68 | 0.700 |" in table
    assert "1000 steps, 1.6 hours" in table
    assert "10.1 MB" in table


def test_what_was_not_measured_is_said():
    assert "Not measured yet" in training_table(None)
    assert "No weights" in weights_table(None)


def test_records_survive_the_way_to_disk(tmp_path):
    for record in (SPEEDS, WEIGHTS):
        write_records(tmp_path / "record.json", record)
        assert read_records(tmp_path / "record.json", type(record)) == record
    legs = msgspec.json.decode((tmp_path / "record.json").read_bytes())["legs"]
    assert [leg["recipe"]["name"] for leg in legs] == list(LEGS)
