"""Parity must see what is wrong: other weights, NaN, a collapse; and must not cry over what is not."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rapsam
from rapsam.export.backends.runtimes import RUNTIMES, Runtime
from rapsam.export.manifest import TRAINED, PostprocessSpec
from rapsam.export.model_card import model_card
from rapsam.export.network import PromptLogits
from rapsam.export.parity import check_parity
from rapsam.export.parity_report import ParityReport
from rapsam.export.parity_tasks import TaskContext, compare_objects, compare_panoptic, compare_prompts
from rapsam.export.parity_tensors import compare_tensors, judge_tensor
from rapsam.export.recipes import FP16_GATES, FP32_GATES
from rapsam.export.sample_images import draw_scene
from rapsam.models.build import deployment_of
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.video import Clip

GEOMETRY = ImageGeometry(padded_size=(64, 64), content_size=(64, 64), original_size=(64, 64))
CONTEXT = TaskContext(
    runtime="test",
    provenance="measured",
    case="case",
    geometry=GEOMETRY,
    num_things=2,
    postprocess=PostprocessSpec(score_threshold=0.4, overlap_threshold=0.25),
    gates=FP32_GATES,
)


def clip(left=8, empty=False, nan=False):
    """Three queries: two things with square masks and one stuff below."""
    class_logits = np.full((3, 4), -8, np.float32)
    class_logits[[0, 1, 2], [0, 1, 2]] = 8
    mask_logits = np.full((3, 1, 16, 16), -6, np.float32)
    if not empty:
        mask_logits[0, 0, 2:8, left // 4 : left // 4 + 5] = 6
        mask_logits[1, 0, 2:8, 11:15] = 6
        mask_logits[2, 0, 10:] = 6
    if nan:
        mask_logits[1, 0, 3, 3] = np.nan
    return Clip(class_logits, np.eye(3, 8, dtype=np.float32), mask_logits)


def test_exported_graphs_pass(made_bundle):
    report = made_bundle[2]
    assert report.status == "passed"
    assert {row.graph for row in report.tensors} == {"encoder", "panoptic", "prompt"}
    assert all(row.cosine > 0.9999 for row in report.tensors)
    assert {row.task for row in report.tasks} == {"objects", "panoptic", "prompt"}
    assert "eager fp32 on" in report.reference
    assert msgspec.json.decode((made_bundle[0] / "parity.json").read_bytes(), type=ParityReport) == report


def test_other_weights_fail_and_are_named(made_bundle):
    """The bundle of formula weights against a network that differs in one small layer."""
    folder, manifest, _ = made_bundle
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    model.decoder.prompt_adapter.iou_proj.weight.data.mul_(3)
    images = {"scene": draw_scene(3, (64, 96))}
    report = check_parity(deployment_of(model), folder, manifest, images, lambda _: None)
    assert report.status == "failed"
    assert len(report.failures()) == 1
    assert "graph 'prompt', output 'iou'" in report.failures()[0]
    assert "**failed**" in model_card(manifest, report)


def test_a_missing_runtime_is_shown_never_passed(made_bundle, monkeypatch):
    folder, manifest, _ = made_bundle
    absent = Runtime("Absent", lambda: "needs another machine", RUNTIMES["onnx"][0].load)
    monkeypatch.setitem(RUNTIMES, "onnx", (absent,))
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    report = check_parity(deployment_of(model), folder, manifest, {}, lambda _: None)
    assert report.status == "not run"
    assert {(row.output, row.status) for row in report.tensors} == {
        (spec.name, "not run") for entry in manifest.graphs for spec in entry.contract.outputs
    }
    assert report.not_run() == ("Absent: not run: needs another machine",)


def test_a_graph_that_a_runtime_refuses_fails(made_bundle):
    """ONNX files under a Core ML recipe: the emulation must not let them pass."""
    folder, manifest, _ = made_bundle
    lying = msgspec.structs.replace(manifest, recipe="coreml-fp16-ios17")
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    assert check_parity(deployment_of(model), folder, lying, {}, lambda _: None).status == "failed"


def test_equal_results_pass():
    assert compare_objects(clip(), clip(), CONTEXT).mask_iou == 1.0
    found = compare_panoptic(clip(), clip(), CONTEXT)
    assert (found.status, found.pq, found.segments, found.reference_segments) == ("passed", 1.0, 3, 3)


def test_shuffled_queries_are_matched():
    order = [2, 0, 1]
    original = clip()
    shuffled = Clip(*(array[order] for array in original))
    found = compare_objects(shuffled, original, CONTEXT)
    assert (found.status, found.mask_iou, found.class_agreement) == ("passed", 1.0, 1.0)


def test_a_moved_mask_fails_with_its_figure():
    assert compare_objects(clip(left=12), clip(), CONTEXT).status == "failed"
    found = compare_panoptic(clip(left=20), clip(), CONTEXT)
    assert found.status == "failed"
    assert found.reason.startswith("PQ 0.")


def test_a_changed_class_fails():
    wrong = clip()
    wrong.class_logits[2] = wrong.class_logits[1]
    found = compare_objects(wrong, clip(), CONTEXT)
    assert found.class_agreement == pytest.approx(2 / 3)
    assert compare_panoptic(wrong, clip(), CONTEXT).status == "failed"


def test_collapse_fails():
    nothing = clip(empty=True)
    assert "collapsed" in compare_panoptic(nothing, clip(), CONTEXT).reason
    assert compare_objects(nothing, clip(), CONTEXT).status == "failed"


def test_an_empty_reference_means_nothing():
    nothing = clip(empty=True)
    assert compare_panoptic(clip(), nothing, CONTEXT).status == "not meaningful"
    assert compare_objects(nothing, nothing, CONTEXT).status == "not meaningful"


@pytest.mark.parametrize("compare", [compare_objects, compare_panoptic])
def test_nan_fails(compare):
    found = compare(clip(nan=True), clip(), CONTEXT)
    assert (found.status, found.reason) == ("failed", "1 values are NaN or infinite")


def prompts(shift=0):
    logits = np.full((2, 16, 16), -5, np.float32)
    logits[0, 4:10, 3 + shift : 9 + shift] = 5
    logits[1, 1:5, 1:5] = 5
    return PromptLogits(logits, np.zeros(2, np.float32))


def test_prompt_masks():
    assert compare_prompts(prompts(), prompts(), CONTEXT).status == "passed"
    assert compare_prompts(prompts(2), prompts(), CONTEXT).status == "failed"
    empty = PromptLogits(np.full((2, 16, 16), -5, np.float32), np.zeros(2, np.float32))
    assert compare_prompts(empty, prompts(), CONTEXT).status == "failed"
    assert compare_prompts(prompts(), empty, CONTEXT).status == "not meaningful"


def test_figures_of_a_hand_worked_case():
    reference = np.array([3.0, 4.0], np.float32)
    figures = compare_tensors(np.array([3.0, 5.0], np.float32), reference)
    assert figures.max_abs == 1.0
    assert figures.cosine == pytest.approx((9 + 20) / (5 * math.sqrt(34)))
    assert figures.sqnr_db == pytest.approx(10 * math.log10(25))


@given(st.integers(0, 2**31), st.floats(-6, 0))
def test_more_noise_is_never_better(seed, exponent):
    rng = np.random.default_rng(seed)
    reference, noise = rng.standard_normal((2, 50)).astype(np.float32)
    little = compare_tensors(reference + np.float32(10**exponent) * noise, reference)
    much = compare_tensors(reference + np.float32(4 * 10**exponent) * noise, reference)
    assert little.max_abs <= much.max_abs
    assert little.sqnr_db >= much.sqnr_db
    assert compare_tensors(reference, reference) == (0.0, 1.0, None)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (np.ones((1, 3), np.float32), "shape [1, 3], expected [3]"),
        (np.array([1, np.nan, np.inf], np.float32), "2 of 3 values are NaN"),
        (np.array([1, 2, -3], np.float32), "cosine"),
        (np.array([2, 4, 6], np.float32), "SQNR 0.0 dB, gate 35"),
        (np.array([1, 2, 3], np.float32), ""),
    ],
)
def test_problems_of_tensors(result, says):
    _, problem = judge_tensor(result, np.array([1, 2, 3], np.float32), FP32_GATES)
    assert says in problem
    assert bool(says) == bool(problem)


def test_a_broken_reference_is_no_pass():
    result = np.ones(2, np.float32)
    assert "reference values are NaN" in judge_tensor(result, result * np.nan, FP16_GATES)[1]


def test_fp16_is_not_judged_by_cosine_but_by_scale():
    reference = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 0.6], np.float32)
    assert judge_tensor(np.ones(10, np.float32), reference, FP16_GATES)[1] == ""
    assert "SQNR" in judge_tensor(2 * reference, reference, FP16_GATES)[1]


@pytest.mark.parametrize("gates", [FP32_GATES, FP16_GATES])
def test_an_empty_result_fails_at_every_precision(gates):
    context = CONTEXT._replace(gates=gates)
    assert "collapsed" in compare_objects(clip(empty=True), clip(), context).reason


def grown():
    """The stuff of `clip` spread over what is void there."""
    wide = clip()
    wide.mask_logits[2, 0, 8:] = 6
    return wide


def test_what_is_painted_on_void_counts():
    assert compare_panoptic(grown(), clip(), CONTEXT).status == "failed"
    assert compare_panoptic(clip(), grown(), CONTEXT).status == "failed"


def test_things_that_are_not_there_count():
    fewer = clip()
    fewer.mask_logits[1] = -6
    assert compare_panoptic(clip(), fewer, CONTEXT).status == "failed"


def test_unsure_weights_are_compared_where_they_give_segments():
    unsure = clip()
    unsure.class_logits[:] = np.where(unsure.class_logits > 0, 1.5, 0)
    published = CONTEXT._replace(postprocess=TRAINED)
    found = compare_panoptic(unsure, unsure, published)
    assert (found.status, found.reference_segments) == ("passed", 3)
    assert found.reason == "at thresholds 0.4/0.25"


def test_a_graph_that_breaks_while_running_is_named(made_bundle, monkeypatch):
    class Breaking:
        def run(self, _inputs):
            raise RuntimeError("out of tiles\nat 0x0")

    folder, manifest, _ = made_bundle
    broken = Runtime("Breaking", lambda: None, lambda *_: Breaking())
    monkeypatch.setitem(RUNTIMES, "onnx", (broken,))
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    images = {"scene": draw_scene(3, (64, 96))}
    report = check_parity(deployment_of(model), folder, manifest, images, lambda _: None)
    assert report.status == "failed"
    assert any("output 'features'" in line and "out of tiles" in line for line in report.failures())


def test_the_reference_is_never_in_training_mode(made_bundle):
    folder, manifest, _ = made_bundle
    model = rapsam.build_model("rapsam_nano", checkpoint="formula").train()
    images = {"scene": draw_scene(3, (64, 96))}
    assert check_parity(deployment_of(model), folder, manifest, images, lambda _: None).status == "passed"
    assert model.training
