"""Measuring in this process what the worker measures in its own."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.job import Job
from rapsam.benchmarks.latency.measurement import Measurement
from rapsam.errors import BundleError, InputError
from tests.benchmarks.open_onnx_file import write_open_file

QUICK = Timing(iters=4, min_seconds=0.0, rounds=2, pause_s=0.0, warmup_max_s=0.2, sustained_s=0.1)


def measured(path, timing=QUICK, runtime="ONNX Runtime", **facts):
    job = Job(path=str(path), runtime=runtime, threads=1, timing=timing, cpus=None, **facts)
    measurement = Measurement(job)
    for _ in range(timing.rounds):
        measurement.burst()
    measurement.sustained()
    return measurement.report()


@pytest.fixture(scope="module")
def found(tiny_bundle):
    return measured(tiny_bundle)


def test_stages_have_the_names_that_the_manifest_has(found):
    assert [stage.name for stage in found.stages if stage.mode == "burst"] == [
        "preprocess",
        "graph see",
        "graph find",
        "graph answer",
        "postprocess panoptic",
        "end_to_end panoptic",
        "postprocess prompt",
        "click prompt",
        "end_to_end prompt",
    ]


def test_every_stage_has_as_many_samples_as_were_wanted(found):
    for stage in found.stages:
        assert stage.min_count_met == (len(stage.samples_ms) >= QUICK.iters)
        assert stage.ms.n == len(stage.samples_ms)
    assert all(stage.ms.n == 4 for stage in found.stages if stage.mode == "burst")


def test_the_sustained_run_is_labelled_apart_and_has_a_course(found):
    (stage,) = (stage for stage in found.stages if stage.mode == "sustained")
    assert stage.name == "end_to_end panoptic"
    assert sum(window.n for window in found.sustained) == stage.ms.n


def test_the_start_of_each_graph_has_its_phases(found):
    assert [graph.graph for graph in found.graphs] == ["see", "find", "answer"]
    for graph in found.graphs:
        assert graph.compile_ms is None  # ONNX Runtime does it while it loads
        assert None not in (graph.load_ms, graph.first_ms, graph.average_warmup_ms)
        assert graph.reported == ("CPUExecutionProvider",)


def test_the_self_test_runs_with_the_same_graphs(found):
    assert found.fidelity.status == "passed"
    assert found.fidelity.cases == 1
    assert len(found.fidelity.rows) == 5


def test_a_wrong_bundle_is_found_out(wrong_bundle):
    assert measured(wrong_bundle).fidelity.status == "failed"


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (("find",), ["graph find"]),
        (("click", "graph:see"), ["graph see", "click prompt"]),
        (("panoptic",), ["postprocess panoptic", "end_to_end panoptic"]),
    ],
)
def test_stages_are_chosen_by_kind_and_name(tiny_bundle, wanted, names):
    found = measured(tiny_bundle, Timing(iters=1, min_seconds=0.0, rounds=1, warmup_max_s=0.0, stages=wanted))
    assert [stage.name for stage in found.stages] == names


def test_a_film_is_timed_frame_by_frame(following_bundle):
    timing = Timing(iters=10, min_seconds=0.0, rounds=1, warmup_max_s=0.0, stages=("video",))
    found = measured(following_bundle, timing)
    (stage,) = found.stages
    assert (stage.name, stage.ms.n, stage.min_count_met) == ("end_to_end video", 10, True)
    assert found.fidelity.status == "passed"
    assert found.input.endswith("; for video a drawn clip of 8 frames of 32x64")


def test_a_stage_that_is_not_there_is_refused_before_anything_is_timed(tiny_bundle):
    with pytest.raises(InputError, match=r"unknown stage of .* 'encoder'"):
        measured(tiny_bundle, Timing(stages=("find", "encoder")))


def test_a_bare_file_is_one_graph_without_a_self_test(tiny_bundle):
    found = measured(tiny_bundle / "answer.onnx")
    assert [stage.name for stage in found.stages if stage.mode == "burst"] == ["graph graph"]
    assert found.fidelity is None
    assert found.input_shape == (1, 3, 8, 16)


def test_a_file_with_open_sides_is_timed_with_those_that_are_given(tmp_path):
    path = write_open_file(tmp_path / "open.onnx")
    with pytest.raises(BundleError, match="--shape images=1x3x640x640"):
        measured(path)
    found = measured(path, shapes={"images": (1, 3, 8, 6)})
    assert found.input_shape == (1, 3, 8, 6)
    assert [stage.name for stage in found.stages if stage.mode == "burst"] == ["graph graph"]


def test_files_that_are_no_graphs_are_refused(tmp_path):
    damaged, text = tmp_path / "a.onnx", tmp_path / "a.txt"
    damaged.write_bytes(b"no graph")
    text.write_bytes(b"no graph")
    with pytest.raises(BundleError, match="ONNX Runtime refuses"):
        measured(damaged)
    with pytest.raises(InputError, match="neither a bundle's folder nor"):
        measured(text)


def test_a_runtime_of_another_format_is_refused(tiny_bundle):
    with pytest.raises(InputError, match="unknown runtime 'LiteRT'"):
        measured(tiny_bundle, runtime="LiteRT")
