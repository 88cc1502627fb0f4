"""Parity must see what is wrong: other weights, NaN, a collapse; and must not cry over what is not."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import rapsam
from rapsam.errors import InputError
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.backends.recipes import FP16_GATES, FP32_GATES
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.build.model_card import model_card
from rapsam.export.parity.check import check_parity
from rapsam.export.parity.panoptic import compare_panoptic
from rapsam.export.parity.report import ParityReport
from rapsam.export.parity.sample_images import draw_scene
from rapsam.export.parity.tasks import TaskContext, compare_objects, compare_prompts, judge_masks
from rapsam.export.parity.tensors import excuse_tensor, judge_tensor
from rapsam.inference.network import PromptLogits
from rapsam.metrics.tensor_error import compare_tensors
from rapsam.models.build import deployment_of
from rapsam.models.rapsam.deployment import PUBLISHED_THRESHOLDS
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.postprocess import PostprocessSpec
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
SCENE = {"scene": draw_scene(3, (64, 96))}


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
    assert {row.case for row in report.tasks} == {"shapes-wide", "shapes-tall"}
    assert {row.case for row in report.tensors} == {"shapes-wide", "shapes-tall", "black", "white", "noise"}
    assert all(row.sqnr_db > row.rounding_db - 20 for row in report.tensors)
    assert all(row.errors <= row.total / 100 for row in report.decisions)
    assert {row.status for row in report.histograms} == {"passed"}
    assert report.videos == ()
    assert "eager fp32 on" in report.reference
    assert msgspec.json.decode((made_bundle[0] / "parity.json").read_bytes(), type=ParityReport) == report


def test_other_weights_fail_and_are_named(made_bundle):
    """The bundle of formula weights against a network that differs in one small layer."""
    folder, manifest, _ = made_bundle
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    model.decoder.prompt_adapter.iou_proj.weight.data.mul_(3)
    report = check_parity(deployment_of(model), folder, manifest, SCENE, lambda _: None)
    assert report.status == "failed"
    assert len(report.failures()) == 4
    assert all("graph 'prompt', output 'iou'" in line for line in report.failures())
    assert "**failed**" in model_card(manifest, report)


def test_tensors_alone_are_no_proof(made_bundle):
    folder, manifest, _ = made_bundle
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    with pytest.raises(InputError, match="give at least one"):
        check_parity(deployment_of(model), folder, manifest, {}, lambda _: None)


def test_loading_a_bundle_does_not_load_the_comparison():
    code = "import sys, rapsam.export.bundle.load; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert "rapsam.inference.segmenter" in loaded
    assert "rapsam.export.parity.check" not in loaded


def test_a_missing_runtime_is_shown_never_passed(made_bundle, monkeypatch):
    folder, manifest, _ = made_bundle
    absent = Runtime("Absent", lambda: "needs another machine", RUNTIMES["onnx"][0].load)
    monkeypatch.setitem(RUNTIMES, "onnx", (absent,))
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    report = check_parity(deployment_of(model), folder, manifest, SCENE, lambda _: None)
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
    assert check_parity(deployment_of(model), folder, lying, SCENE, lambda _: None).status == "failed"


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


def test_nothing_on_both_sides_means_nothing():
    nothing = clip(empty=True)
    assert compare_panoptic(nothing, nothing, CONTEXT).status == "not meaningful"
    assert compare_objects(nothing, nothing, CONTEXT).status == "not meaningful"


def test_what_is_there_against_an_empty_reference_fails():
    nothing = clip(empty=True)
    runs = [nothing] * 4
    assert compare_panoptic(clip(), nothing, CONTEXT, runs).status == "failed"
    assert compare_objects(clip(), nothing, CONTEXT, runs).status == "failed"


@pytest.mark.parametrize("compare", [compare_objects, compare_panoptic])
def test_nan_fails(compare):
    found = compare(clip(nan=True), clip(), CONTEXT)
    assert (found.status, found.reason) == ("failed", "1 values are NaN or infinite")


def prompts(shift=0):
    logits = np.full((2, 16, 16), -5, np.float32)
    logits[0, 4:10, 3 + shift : 9 + shift] = 5
    logits[1, 1:5, 1:5] = 5
    return PromptLogits(logits, np.zeros((2, 1), np.float32))


def test_prompt_masks():
    assert compare_prompts(prompts(), prompts(), CONTEXT).status == "passed"
    assert compare_prompts(prompts(2), prompts(), CONTEXT).status == "failed"
    empty = PromptLogits(np.full((2, 16, 16), -5, np.float32), np.zeros((2, 1), np.float32))
    assert compare_prompts(empty, prompts(), CONTEXT).status == "failed"
    assert compare_prompts(empty, empty, CONTEXT).status == "not meaningful"
    assert compare_prompts(prompts(), empty, CONTEXT, [empty] * 4).status == "failed"


def test_a_prompt_that_the_reference_leaves_empty_counts():
    """Prompt 1 paints what the reference clearly does not."""
    half = PromptLogits(prompts().mask_logits.copy(), prompts().iou)
    half.mask_logits[1] = -5
    found = compare_prompts(prompts(), half, CONTEXT, [half] * 4)
    assert (found.status, found.mask_iou, found.decided) == ("failed", 0.5, 0.5)
    assert (found.segments, found.reference_segments) == (2, 1)


WIDE = CONTEXT._replace(
    geometry=ImageGeometry(padded_size=(64, 64), content_size=(32, 64), original_size=(32, 64))
)


def test_padding_does_not_count():
    """The lower half of the map is padding, and quite another there; above, all is equal."""
    ours, wanted = clip(), clip()
    ours.mask_logits[:, :, 8:] = 6
    found = compare_objects(ours, wanted, WIDE)
    assert (found.status, found.mask_iou, found.class_agreement) == ("passed", 1.0, 1.0)
    one, other = (
        PromptLogits(each.mask_logits[:, 0], np.zeros((3, 1), np.float32)) for each in (ours, wanted)
    )
    assert compare_prompts(one, other, WIDE).mask_iou == 1.0


def test_noise_in_the_padding_excuses_nothing():
    """Rounding decides the padding; the artifact is wrong inside."""
    ours, wanted = clip(), clip()
    wanted.mask_logits[:, :, 8:] = 0.001
    ours.mask_logits[0, 0, 2:8, :9] = 6
    runs = []
    for seed in range(4):
        run = Clip(*(array.copy() for array in wanted))
        run.mask_logits[:, :, 8:] = np.random.default_rng(seed).choice([-6, 6], (3, 1, 8, 16))
        runs.append(run)
    assert compare_objects(ours, wanted, WIDE, runs).status == "failed"
    one, other, *rounded = (
        PromptLogits(each.mask_logits[:, 0], np.zeros((3, 1), np.float32)) for each in (ours, wanted, *runs)
    )
    assert compare_prompts(one, other, WIDE, rounded).status == "failed"


MAPS = st.lists(st.booleans(), min_size=18, max_size=18).map(lambda bits: np.reshape(bits, (2, 3, 3)))


@given(MAPS, MAPS, MAPS)
def test_masks_are_benign_only_if_a_pixel_at_risk_came_out_other(masks, wanted, risky):
    status, figures, _ = judge_masks(masks, wanted, risky, [0.0], 0.9)
    if status == "benign":
        assert figures.decided >= 0.9 > figures.mask_iou
        assert ((masks != wanted) & risky).any()


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
    published = CONTEXT._replace(postprocess=PUBLISHED_THRESHOLDS)
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
    report = check_parity(deployment_of(model), folder, manifest, SCENE, lambda _: None)
    assert report.status == "failed"
    assert any("output 'features'" in line and "out of tiles" in line for line in report.failures())


def test_the_reference_is_never_in_training_mode(made_bundle):
    folder, manifest, _ = made_bundle
    model = rapsam.build_model("rapsam_nano", checkpoint="formula").train()
    assert check_parity(deployment_of(model), folder, manifest, SCENE, lambda _: None).status == "passed"
    assert model.training


@pytest.mark.parametrize(
    ("sqnr_db", "rounding_db", "status"),
    [
        (5.0, (), "failed"),
        (5.0, (30.0, 9.5), "benign"),
        (5.0, (30.0, 11.5), "failed"),
        (2.0, (8.0,), "not meaningful"),
        (1.0, (8.0,), "failed"),
    ],
)
def test_a_missed_gate_is_excused_by_rounding_alone(sqnr_db, rounding_db, status):
    reference = np.array([1, 1], np.float32)
    result = reference * np.float32(1 + 10 ** (-sqnr_db / 20))
    found = excuse_tensor(*judge_tensor(result, reference, FP16_GATES), rounding_db)
    assert found[0] == status
    assert "SQNR" in found[1]


def test_what_reaches_its_gate_or_is_broken_is_not_excused():
    reference = np.array([1, 1], np.float32)
    assert excuse_tensor(*judge_tensor(reference, reference, FP16_GATES), (1.0,)) == ("passed", "")
    broken = judge_tensor(reference * np.inf, reference, FP16_GATES)
    assert excuse_tensor(*broken, (1.0,))[0] == "failed"


def unsure_clip(score, base=None):
    """As `clip`, but query 1 has its class with this probability; the threshold is 0.4."""
    made = base or clip()
    made.class_logits[1] = [0, 0, 0, -8]
    made.class_logits[1, 1] = np.log(2 * score / (1 - score))
    return made


ROUNDED = [unsure_clip(0.401 + shift) for shift in (-0.004, -0.002, 0.002, 0.004)]


def test_a_segment_that_rounding_decides_is_benign_when_it_is_lost():
    found = compare_panoptic(unsure_clip(0.399), unsure_clip(0.401), CONTEXT, ROUNDED)
    assert (found.status, found.segments, found.reference_segments) == ("benign", 2, 3)
    assert (found.decided, found.decided_segments) == (1.0, 2)
    assert found.pq < 0.9
    assert found.rounded == found.pq
    assert "PQ 0." in found.reason
    assert "1.0000 where rounding does not decide" in found.reason
    assert "2 of 3 segments are decided" in found.reason


def test_the_same_loss_fails_where_no_rounded_run_has_it():
    """The score is within the margin, but rounding alone never loses the segment."""
    kept = [unsure_clip(0.401 + shift) for shift in (-0.0008, -0.0004, 0.0004, 0.0008)]
    found = compare_panoptic(unsure_clip(0.399), unsure_clip(0.401), CONTEXT, kept)
    assert (found.status, found.decided, found.rounded) == ("failed", 1.0, 1.0)


def test_the_same_loss_fails_where_the_reference_is_sure():
    sure = [unsure_clip(0.6 + shift) for shift in (-0.004, 0.004)]
    found = compare_panoptic(unsure_clip(0.399), unsure_clip(0.6), CONTEXT, sure)
    assert (found.status, found.decided_segments) == ("failed", 3)
    assert found.decided == found.pq


def test_an_error_is_not_hidden_by_an_undecided_segment():
    """The undecided query is lost, and another one has moved."""
    moved = unsure_clip(0.399, clip(left=20))
    found = compare_panoptic(moved, unsure_clip(0.401), CONTEXT, ROUNDED)
    assert found.status == "failed"
    assert found.decided < 0.97


def test_an_undecided_segment_that_appears_elsewhere_fails():
    """Query 1 is undecided, but its mask in the result is nowhere near that of the reference."""
    elsewhere = unsure_clip(0.5)
    elsewhere.mask_logits[1] = -6
    elsewhere.mask_logits[1, 0, 8:10, :8] = 6
    assert compare_panoptic(elsewhere, unsure_clip(0.401), CONTEXT, ROUNDED).status == "failed"


def lonely(score):
    """As `unsure_clip`, without the other two queries."""
    made = unsure_clip(score)
    made.class_logits[[0, 2]] = [-8, -8, -8, 8]
    return made


def test_a_collapse_fails_unless_rounding_empties_the_reference_too():
    runs = [lonely(0.401 + shift) for shift in (-0.004, -0.002, 0.002, 0.004)]
    found = compare_panoptic(lonely(0.399), lonely(0.401), CONTEXT, runs)
    assert (found.status, found.pq, found.decided, found.decided_segments) == ("not meaningful", 0.0, None, 0)
    assert "rounding decides all of it" in found.reason
    assert "0 of 1 segments are decided" in found.reason
    kept = [lonely(0.401 + shift) for shift in (-0.0008, -0.0004, 0.0004, 0.0008)]
    found = compare_panoptic(lonely(0.399), lonely(0.401), CONTEXT, kept)
    assert found.status == "failed"
    assert found.reason.startswith("collapsed: PQ 0.0000")


def test_pixels_that_rounding_decides_are_benign():
    """Half of the mask of query 0 lies within rounding distance of 0, and comes out empty."""
    reference, result = clip(), clip()
    reference.mask_logits[0, 0, 2:5, 2:7] = 0.01
    result.mask_logits[0, 0, 2:5, 2:7] = -0.01
    runs = []
    for seed in range(4):
        run = Clip(*(array.copy() for array in reference))
        run.mask_logits[0] += np.random.default_rng(seed).normal(0, 0.02, (1, 16, 16))
        runs.append(run)
    found = compare_objects(result, reference, CONTEXT, runs)
    assert (found.status, found.decided) == ("benign", 1.0)
    assert found.mask_iou == pytest.approx((0.5 + 1 + 1) / 3)
    assert compare_objects(result, reference, CONTEXT).status == "failed"
    ours, wanted, rounded = (
        PromptLogits(each.mask_logits[:, 0], np.zeros((3, 1), np.float32))
        for each in (result, reference, runs[0])
    )
    assert compare_prompts(ours, wanted, CONTEXT, [rounded] * 4).status == "benign"
    assert compare_prompts(ours, wanted, CONTEXT).status == "failed"


def shifted(base, *shifts):
    """Rounded runs: every query's own class logit moves."""
    return [
        Clip(base.class_logits + np.float32(shift) * np.eye(3, 4, dtype=np.float32), *base[1:])
        for shift in shifts
    ]


def test_a_changed_class_fails_unless_it_is_a_tie():
    wrong, tie = clip(), clip()
    wrong.class_logits[2] = wrong.class_logits[1]
    found = compare_objects(wrong, clip(), CONTEXT)
    assert (found.status, found.reason) == ("failed", "1 of 3 queries with a clear class have another")
    tie.class_logits[2] = [-8, 8, 8.001, -8]
    found = compare_objects(wrong, tie, CONTEXT, shifted(tie, -0.01, 0.01))
    assert (found.status, found.mask_iou) == ("benign", 1.0)
    assert found.reason.startswith("class agreement 0.6667, gate 0.95; 1.0000 where rounding does not decide")
    assert compare_objects(wrong, tie, CONTEXT, shifted(tie, 0.01, 0.02)).status == "failed"


def test_classes_mean_nothing_where_none_is_clear():
    """All classes are ties, and the artifact has another one everywhere."""
    tie, wrong = clip(), clip()
    for query in range(3):
        tie.class_logits[query] = [8, 8, 8, -8]
        tie.class_logits[query, query] += 0.001
        wrong.class_logits[query] = np.roll(tie.class_logits[query], 1)
    wrong.class_logits[:, 3] = -8
    found = compare_objects(wrong, tie, CONTEXT, shifted(tie, -0.01, 0.01))
    assert (found.status, found.mask_iou, found.class_agreement) == ("not meaningful", 1.0, 0.0)


class Overflowing:
    """A graph whose values leave the range of 16 bits where the image is very bright."""

    def __init__(self, runner):
        self.runner = runner

    def run(self, inputs):
        outputs = self.runner.run(inputs)
        if "image" in inputs and inputs["image"].mean() > 180:
            return {name: np.where(array > 0, np.inf, array) for name, array in outputs.items()}
        return outputs


def test_an_overflow_on_a_white_image_is_seen(made_bundle, monkeypatch):
    folder, manifest, _ = made_bundle
    real = RUNTIMES["onnx"][0]
    overflowing = Runtime("Overflowing", lambda: None, lambda *args: Overflowing(real.loader(*args)))
    monkeypatch.setitem(RUNTIMES, "onnx", (overflowing,))
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    report = check_parity(deployment_of(model), folder, manifest, SCENE, lambda _: None)
    assert {(row.case, row.output) for row in report.tensors if row.status == "failed"} == {
        ("white", "features")
    }
    assert any("are NaN or infinite" in line for line in report.failures())


class Counting:
    """A deployment that counts how often its un-rounded reference runs."""

    def __init__(self, deployment, counts):
        self.deployment = deployment
        self.counts = counts

    def to(self, device):
        return Counting(self.deployment.to(device), self.counts)

    def state(self):
        return self.deployment.state()

    def reference(self, graph, inputs):
        if torch.utils._python_dispatch._get_current_dispatch_mode() is None:
            self.counts[graph] += 1
        return self.deployment.reference(graph, inputs)


def test_the_reference_is_computed_once_for_all_runtimes(made_bundle, monkeypatch):
    folder, manifest, _ = made_bundle
    monkeypatch.setitem(RUNTIMES, "onnx", (RUNTIMES["onnx"][0],) * 2)
    counts = Counter()
    deployment = Counting(deployment_of(rapsam.build_model("rapsam_nano", checkpoint="formula")), counts)
    report = check_parity(deployment, folder, manifest, SCENE, lambda _: None)
    assert report.status == "passed"
    assert (counts["encoder"], counts["panoptic"]) == (4, 4)


def test_a_bundle_for_videos_is_compared_on_a_clip(tmp_path):
    model = rapsam.build_model("rapsam_nano", checkpoint="formula")
    _, report = rapsam.export_bundle(
        model, tmp_path / "b", target="onnx", size=(32, 64), tasks=["video"], images=SCENE
    )
    (row,) = report.videos
    assert (row.status, row.transitions, row.switches) == ("passed", 700, 0)
    assert min(row.frame_ious) > 0.99
    assert report.status == "passed"
