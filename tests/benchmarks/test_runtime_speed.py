"""Resumption, ratios and tables of `runtime_speed`, on records that are made up."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rapsam.benchmarks.records import SCHEMA_VERSION, now_utc, this_machine, write_records
from rapsam.benchmarks.runtime_speed import known_records, measure_model
from rapsam.benchmarks.speed_goals import GOALS, roofline_share
from rapsam.benchmarks.speed_group_run import Conditions
from rapsam.benchmarks.speed_groups import GROUPS, SGEMM, TITLES
from rapsam.benchmarks.speed_records import FullExport, SpeedRecords, SpeedRun, Subject, Timing, quartiles
from rapsam.benchmarks.speed_scenes import crowd
from rapsam.benchmarks.speed_tables import NOTHING, speed_tables
from rapsam.errors import InputError
from rapsam.export.build.source import source_sha256
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.panoptic import panoptic_segmentation

IMAGE = "panoptic_image"


def timing(contender, graph="", ms=None, count=1, macs=None, **changes):
    subject = Subject(contender=contender, graph=graph, num_prompts=count)
    fields = {"not_run": None if ms else "no compiler", "macs": macs, "peak_rss_mb": 300, "note": ""}
    return Timing(subject=subject, ms=quartiles([ms / 1e3]) if ms else None, **{**fields, **changes})


def run_of(group, *timings, model="rapsam_r18", **changes):
    fields = {
        "created_utc": now_utc(),
        "machine": this_machine(),
        "model": model,
        "weights": "formula",
        "size": (640, 640),
        "threads": 2,
        "rounds": 3,
        "group": group,
        "load_average": 0.25,
        "source_sha256": source_sha256(),
        "tool_versions": {},
        "timings": timings,
    }
    return SpeedRun(**{**fields, **changes})


def export_of(model, size=(640, 640), **changes):
    fields = {"created_utc": now_utc(), "machine": this_machine(), "statuses": {"onnx": "passed"}}
    fields["source_sha256"] = source_sha256()
    return FullExport(model=model, size=size, seconds=180, peak_rss_mb=2048, **{**fields, **changes})


def records_of(*runs, exports=()):
    return SpeedRecords(schema_version=SCHEMA_VERSION, command="measure", runs=runs, exports=exports)


def measured(text, model="rapsam_r18", *, records):
    (goal,) = [goal for goal in GOALS if goal.model == model and text in goal.text]
    value = goal.measure(records, model)
    return value, None if value is None else goal.met(value)


def test_quartiles_are_in_milliseconds():
    found = quartiles([0.001, 0.002, 0.003, 0.004, 0.1])
    assert (found.first, found.median, found.third) == (2, 3, 4)


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


def test_tables_show_ratios_and_what_did_not_run():
    run = run_of(
        IMAGE,
        timing("published", IMAGE, 1500, macs=90_000),
        timing("onnx", IMAGE, 250, macs=20_000),
        timing("compiled", IMAGE),
        timing(SGEMM, ms=100, macs=10_000),
        timing("letterbox", ms=5),
    )
    growth = run_of("prompt_growth", *(timing("onnx", "prompt", 3.0 * k, k) for k in (1, 4, 16, 64)))
    text = speed_tables(records_of(run, growth, exports=(export_of("rapsam_r50"),)))
    row = next(line for line in text.splitlines() if line.startswith(f"| r18 640x640 | {IMAGE} |"))
    assert "1500 ms (1500..1500, 1x, 60%) | - | - | 250 ms (250..250, 0.167x, 80%) | - | - |" in row
    assert f"- r18 640x640, torch.compile, {IMAGE}, K = 1: not run: no compiler" in text
    assert "| r18 640x640 | ONNX Runtime | 3 | 12 | 48 | 192 |" in text
    assert "| r18 640x640 | pre-processing, 1280x960 photo | - | 5 | 2.0% |" in text
    assert f"| r18 | {IMAGE}, ONNX Runtime of eager un-rewritten | <= 0.55 | 0.167 | yes |" in text
    assert "180 s, 2048 MiB; parity: onnx passed" in text
    assert f"| r18 | {IMAGE}, LiteRT of eager un-rewritten | <= 0.65 | not measured | - |" in text
    assert f"load before a group at most 0.25, source {source_sha256()[:8]}, with `measure`." in text


def test_without_records_the_tables_say_so():
    assert speed_tables(records_of()) == NOTHING


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


def test_the_crowd_shares_out_the_picture():
    class_logits, mask_logits = crowd(20, 100, 133, (40, 40))
    geometry = ImageGeometry(padded_size=(160, 160), content_size=(160, 160), original_size=(160, 160))
    result = panoptic_segmentation(class_logits, mask_logits, geometry, 80)
    assert sum(segment.area for segment in result.segments) > 0.8 * 160 * 160
    assert len(result.segments) >= 18
    assert np.isfinite(mask_logits).all()
