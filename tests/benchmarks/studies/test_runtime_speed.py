"""Groups of `runtime_speed`: one measured at the smallest size; resumption with made-up ones."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rapsam.benchmarks.measuring.records import write_records
from rapsam.benchmarks.studies.runtime_speed import Conditions, known_records, measure_model, run_group
from rapsam.benchmarks.studies.speed_lowering import artifact_path, read_contract
from rapsam.benchmarks.studies.speed_passes import crowd
from rapsam.benchmarks.studies.speed_records import GROUPS, LETTERBOX, TITLES, Subject, Timing, quartiles
from rapsam.errors import InputError
from rapsam.export.build.source import source_sha256
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.panoptic import panoptic_segmentation
from tests.benchmarks.made_up_records import export_of, run_of


def test_quartiles_are_in_milliseconds():
    found = quartiles([0.001, 0.002, 0.003, 0.004, 0.1])
    assert (found.first, found.median, found.third) == (2, 3, 4)


def test_groups_name_every_subject_once_and_with_a_title():
    for subjects in GROUPS.values():
        assert len(set(subjects)) == len(subjects)
        assert {subject.contender for subject in subjects} <= set(TITLES)


def test_an_interrupted_measurement_goes_on(tmp_path):
    path, done = tmp_path / "speed.json", []
    conditions = Conditions("rapsam_nano", (64, 64), 1, 3, tmp_path)

    def run(conditions, group, subjects):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(group)
        rows = tuple(
            Timing(subject=s, ms=None, not_run="x", macs=1, peak_rss_mb=1, note="") for s in subjects
        )
        return run_of(group, *rows, model=conditions.model, size=conditions.size, threads=conditions.threads)

    with pytest.raises(KeyboardInterrupt):
        measure_model(conditions, path, run, export_of)
    assert [r.group for r in known_records(path).runs] == list(GROUPS)[:2]
    first_two = known_records(path).runs
    done.clear()
    measure_model(conditions, path, lambda *a: (done.clear(), run(*a))[1], export_of)
    records = known_records(path)
    assert [r.group for r in records.runs] == list(GROUPS)
    assert records.runs[:2] == first_two
    assert [e.model for e in records.exports] == ["rapsam_nano"]

    def never(*_):
        raise AssertionError

    measure_model(conditions, path, never, never)


def test_figures_of_other_source_code_are_measured_again(tmp_path):
    path, done = tmp_path / "speed.json", []
    conditions = Conditions("rapsam_nano", (64, 64), 1, 3, tmp_path)

    def run(conditions, group, _subjects):
        done.append(group)
        return run_of(group, model=conditions.model, size=conditions.size, threads=conditions.threads)

    measure_model(conditions, path, run, export_of)
    old = [msgspec.structs.replace(r, source_sha256="older") for r in known_records(path).runs[:1]]
    kept = known_records(path).runs[1:]
    write_records(path, msgspec.structs.replace(known_records(path), runs=(*old, *kept)))
    done.clear()
    measure_model(conditions, path, run, export_of)
    assert done == [old[0].group]
    assert sorted(r.group for r in known_records(path).runs) == sorted(GROUPS)
    assert {r.source_sha256 for r in known_records(path).runs} == {source_sha256()}


def test_records_of_another_kind_are_refused(tmp_path):
    (tmp_path / "r.json").write_bytes(msgspec.json.encode({"schema_version": 1}))
    with pytest.raises(InputError, match="no file of SpeedRecords"):
        known_records(tmp_path / "r.json")


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


def test_the_crowd_shares_out_the_picture():
    class_logits, mask_logits = crowd(20, 100, 133, (40, 40))
    geometry = ImageGeometry(padded_size=(160, 160), content_size=(160, 160), original_size=(160, 160))
    result = panoptic_segmentation(class_logits, mask_logits, geometry, 80)
    assert sum(segment.area for segment in result.segments) > 0.8 * 160 * 160
    assert len(result.segments) >= 18
    assert np.isfinite(mask_logits).all()
