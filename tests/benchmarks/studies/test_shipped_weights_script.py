"""The script that makes the shipped weights, on worlds so small that nothing is learnt."""

from __future__ import annotations

import rapsam.benchmarks.studies.shipped_weights as script
from rapsam.models.build import build_model
from rapsam.models.weight_facts import read_facts

FEW = ("--images", "4", "--videos", "1", "--seed")


def test_it_makes_weights_record_and_curves_and_does_nothing_twice(monkeypatch, tmp_path):
    monkeypatch.setattr(script, "TRAIN", (*FEW, "1", "--split", "train"))
    monkeypatch.setattr(script, "HELD_OUT", (*FEW, "3", "--split", "val"))
    monkeypatch.setattr(script, "FIRST", 1)
    work, weights, record, curves = (
        tmp_path / name for name in ("work", "w.safetensors", "r.json", "images")
    )
    curves.mkdir()
    script.make(work, weights, record, curves)
    found = script.known_weights(record)
    assert [leg.recipe.name for leg in found.legs] == list(script.LEGS)
    assert all(leg.steps > 0 and leg.hours > 0 for leg in found.legs)
    assert found.size_bytes == weights.stat().st_size < 12_000_000
    assert set(script.ASKED) <= set(found.scores)
    assert {path.name for path in curves.iterdir()} == {f"{leg}-curves.png" for leg in script.LEGS}
    facts = read_facts(weights)
    assert (facts.model, facts.vocabulary, facts.sides) == ("rapsam_nano", "synth", (256, 256))
    build_model("rapsam_nano", checkpoint=weights)

    made = {path: path.stat().st_mtime_ns for path in work.rglob("*.safetensors")}
    weights.unlink()
    script.make(work, weights, record, curves)
    assert {path: path.stat().st_mtime_ns for path in work.rglob("*.safetensors")} == made
    assert script.known_weights(record).sha256 == found.sha256
