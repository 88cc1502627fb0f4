"""A group, measured with real processes at the smallest size."""

from __future__ import annotations

from rapsam.benchmarks.speed_group_run import Conditions, run_group
from rapsam.benchmarks.speed_groups import LETTERBOX
from rapsam.benchmarks.speed_lowering import artifact_path, read_contract
from rapsam.benchmarks.speed_records import Subject


def test_a_group_has_times_of_what_ran_and_reasons_of_what_did_not(tmp_path):
    # An artifact that no runtime can load.
    artifact_path(tmp_path, "prompt", 2, "tflite").mkdir()
    subjects = (
        Subject(contender="onnx", graph="prompt", num_prompts=2),
        Subject(contender="tflite", graph="prompt", num_prompts=2),
        Subject(contender=LETTERBOX),
    )
    run = run_group(Conditions("rapsam_nano", (64, 64), 1, 2, tmp_path), "prompt", subjects)
    assert [timing.subject for timing in run.timings] == list(subjects)
    onnx, tflite, letterbox = run.timings
    assert onnx.ms is not None
    assert onnx.macs > 0
    assert onnx.peak_rss_mb > 0
    assert tflite.ms is None
    assert tflite.not_run
    assert str(tmp_path) not in tflite.not_run
    assert letterbox.ms is not None
    assert letterbox.macs is None
    assert read_contract(tmp_path, "prompt", 2).inputs[1].shape == (1, 2, 4)
