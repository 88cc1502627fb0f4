"""What was asked of speed, read from records that are made up."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.studies.speed_goals import GOALS, roofline_share
from rapsam.benchmarks.studies.speed_records import IMAGE, SGEMM
from tests.benchmarks.made_up_records import export_of, records_of, run_of, timing


def measured(text, model="rapsam_r18", *, records):
    (goal,) = [goal for goal in GOALS if goal.model == model and text in goal.text]
    value = goal.measure(records, model)
    return value, None if value is None else goal.met(value)


def test_share_of_the_roofline():
    run = run_of(IMAGE, timing("onnx", IMAGE, 250, macs=20_000), timing(SGEMM, ms=100, macs=10_000))
    assert roofline_share(run, "onnx", IMAGE) == pytest.approx(0.8)
    assert roofline_share(run, "tflite", IMAGE) is None


def test_goals_are_read_from_one_run():
    image = run_of(
        IMAGE,
        timing("published", IMAGE, 500),
        timing("onnx", IMAGE, 250),
        timing("tflite", IMAGE),
        timing("fuse_crowd", ms=100),
    )
    prompt = run_of("prompt", timing("onnx", "prompt", 3), timing("onnx", "encoder", 200))
    records = records_of(image, prompt, exports=(export_of("rapsam_r50"),))
    assert measured(f"{IMAGE}, ONNX Runtime of", records=records) == (0.5, True)
    assert measured("20 objects", records=records) == (0.4, False)
    assert measured("prompt of encoder", records=records) == (pytest.approx(0.015), True)
    assert measured("minutes", "rapsam_r50", records=records) == (3, True)
    assert measured("GB", "rapsam_r50", records=records) == (pytest.approx(2.147, rel=1e-3), True)
    for unknown in (f"{IMAGE}, LiteRT", f"{IMAGE}, ExecuTorch", "own outputs", "share of the roofline"):
        assert measured(unknown, records=records) == (None, None)
