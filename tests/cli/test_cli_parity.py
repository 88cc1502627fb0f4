"""`rapsam parity`: exit code 0 for a passed bundle, 1 for a missed gate, 2 for wrong words."""

from __future__ import annotations

import json
import re

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from rapsam.cli.bundle_report import print_parity
from rapsam.cli.parity_summary import print_failures
from rapsam.cli.parity_tables import print_localisation
from rapsam.export.bundle.manifest_file import read_manifest
from rapsam.export.localise.report import GraphLocalisation, LocalisationReport, TapParity
from rapsam.export.parity.report import HistogramParity, ParityReport, TaskParity, TensorParity, VideoParity
from rapsam.models.origins import Weights
from tests.cli.cli_runs import assert_refused, rapsam
from tests.cli.resealing import reseal


def test_a_good_bundle_passes(bundle, photo):
    outcome = rapsam("parity", bundle, "--image", photo, "--verbose")
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[-2:] == [
        "parity: passed",
        f"next: rapsam predict PHOTO --bundle {bundle}",
    ]
    assert "ONNX Runtime  prompt    mask_logits   photo" in outcome.out
    assert "ONNX Runtime  photo        class         100 " in outcome.out
    assert "ONNX Runtime  shapes-wide  pixel classes  " in outcome.out
    assert max(map(len, outcome.out.split("\nTasks")[1].splitlines())) <= 110
    assert "FAILED" not in outcome.err


def test_a_graph_with_other_weights_misses_its_gate(bundle_copy, photo):
    graph = onnx.load(bundle_copy / "prompt.onnx")
    largest = max(graph.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
    changed = numpy_helper.from_array(-numpy_helper.to_array(largest), largest.name)
    largest.CopyFrom(changed)
    onnx.save(graph, bundle_copy / "prompt.onnx")
    reseal(bundle_copy)
    assert rapsam("verify", bundle_copy).code == 0

    outcome = rapsam("parity", bundle_copy, "--image", photo, "--json")
    assert outcome.code == 1
    report = json.loads(outcome.out)
    assert report["schema_version"] == 2
    assert {row["case"] for row in report["tensors"]} == {"photo", "shapes-wide", "black", "white", "noise"}
    assert {row["decision"] for row in report["decisions"]} >= {"mask pixel", "score", "top k"}
    failed = {row["graph"] for row in report["tensors"] if row["status"] == "failed"}
    assert failed == {"prompt"}
    assert "FAILED ONNX Runtime: graph 'prompt', output 'mask_logits', input 'photo': cosine" in outcome.err
    assert "more;" not in outcome.err


def test_a_bundle_of_a_checkpoint_asks_for_it(bundle_copy):
    mine = Weights(origin="file", name="mine.pth", trained=True)
    reseal(bundle_copy, model=msgspec.structs.replace(read_manifest(bundle_copy).model, weights=mine))
    assert_refused(rapsam("parity", bundle_copy), "made from mine.pth; give it: --checkpoint FILE")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--classifier", "ytvis_2019"], "not what the bundle was made from"),
        (["--classifier", "ytvis"], "did you mean ytvis_2019?"),
        (["--checkpoint", "none.pth"], "none.pth does not exist"),
        (["--image", "none.jpg"], "none.jpg does not exist"),
        (["--threshold", "20"], "expected a number of dB, with --localise"),
        (["--localise", "--threshold", "nan"], "--threshold nan says nothing"),
    ],
)
def test_wrong_companions_are_refused(options, says, bundle):
    assert_refused(rapsam("parity", bundle, *options), says)


def test_a_recipe_from_another_version_is_refused(bundle_copy):
    reseal(bundle_copy, recipe="onnx-int2")
    assert_refused(rapsam("parity", bundle_copy), "onnx-int2", "onnx-fp")


def test_localise_names_the_file_that_was_changed(bundle_copy, photo):
    """The graph that is lowered again is right, the one in the bundle is not."""
    graph = onnx.load(bundle_copy / "prompt.onnx")
    largest = max(graph.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
    largest.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(largest), largest.name))
    onnx.save(graph, bundle_copy / "prompt.onnx")
    reseal(bundle_copy)
    outcome = rapsam("parity", bundle_copy, "--localise", "--image", photo)
    assert outcome.code == 1, outcome.err
    lines = outcome.out.splitlines()
    assert "ONNX Runtime: graph 'encoder': no module diverges" in lines
    assert "ONNX Runtime: graph 'prompt': no module diverges" in lines
    (accused,) = [line for line in lines if "the bundle's own graph is another" in line]
    assert accused.startswith("ONNX Runtime: graph 'prompt': ")
    table = [line for line in lines if str(bundle_copy) not in line and not line.startswith("ONNX Runtime")]
    assert max(map(len, table)) <= 110


def tap(module, sqnr_db):
    return TapParity(
        module=module,
        shape=(1, 8, 4, 4),
        max_abs=0.5,
        cosine=0.9,
        sqnr_db=sqnr_db,
        rounding_db=70.0,
        drop_db=max(0.0, 70 - sqnr_db),
    )


BROKEN = TapParity(
    module="neck.out",
    shape=(1, 8, 4, 4),
    max_abs=None,
    cosine=None,
    sqnr_db=None,
    rounding_db=70.0,
    drop_db=None,
)


def test_a_localisation_is_printed_module_by_module(capsys):
    graph = GraphLocalisation(
        runtime="Core ML, emulated",
        provenance="emulated",
        graph="encoder",
        taps=(tap("backbone.conv1", 69.0), tap("neck.laterals.0", 6.5), BROKEN, tap("(features)", 7.0)),
        first_bad="neck.laterals.0",
        largest_drop="neck.laterals.0",
        same_as_bundle=True,
        rewrites_db=120.0,
    )
    absent = GraphLocalisation(runtime="Core ML", provenance="measured", graph="encoder", reason="macOS only")
    report = LocalisationReport(
        schema_version=1, recipe="coreml-fp16-ios17", case="photo", threshold_db=None, graphs=(absent, graph)
    )
    print_localisation("bundles/phone", report)
    lines = capsys.readouterr().out.splitlines()
    assert any(
        line.split() == ["neck.laterals.0", "1x8x4x4", "5.00e-01", "0.900000", "6.5", "70.0", "63.5"]
        for line in lines
    )
    assert any(line.split() == ["neck.out", "1x8x4x4", "-", "-", "-", "70.0", "-"] for line in lines)
    assert lines[-4:] == [
        "Core ML: graph 'encoder': not run: macOS only",
        "Core ML, emulated: graph 'encoder': first diverges at neck.laterals.0",
        "Core ML, emulated: graph 'encoder': largest drop at neck.laterals.0",
        "Core ML, emulated: graph 'encoder': before conversion, the graph has 120.0 dB to the trainable one",
    ]


def a_report(*tasks):
    return ParityReport(
        schema_version=2,
        model="m",
        recipe="r",
        size=(32, 32),
        reference="PyTorch",
        score_threshold=0.8,
        overlap_threshold=0.8,
        tensors=(),
        tasks=tasks,
    )


def test_what_is_benign_is_printed_and_never_silent(capsys):
    row = TaskParity(
        runtime="R",
        provenance="measured",
        task="panoptic",
        case="photo",
        status="benign",
        pq=0.5,
        reason="why",
    )
    good = msgspec.structs.replace(row, case="scene", status="passed", pq=1.0, reason="")
    print_parity("bundles/phone", a_report(row, good), verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "benign: R: task 'panoptic', input 'photo': why",
        "parity: passed; 1 benign: missed by what rounding alone decides",
    ]
    print_parity("bundles/phone", a_report(row, good), verbose=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  task panoptic  benign  why, on 'photo'",
        "  1 of 2 comparisons benign: a gate is missed, but only by what rounding alone decides",
        "parity: passed",
    ]


def test_what_nothing_decides_is_never_called_passed(capsys):
    open_row = TaskParity(
        runtime="R",
        provenance="measured",
        task="panoptic",
        case="photo",
        status="not meaningful",
        pq=0.0,
        reason="why",
    )
    print_parity("bundles/phone", a_report(open_row), verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-2:] == [
        "not meaningful: R: task 'panoptic', input 'photo': why",
        "parity: undecided: nothing failed, but no input decides R: task 'panoptic'",
    ]
    print_parity("bundles/phone", a_report(open_row), verbose=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == [
        "  task panoptic  undecided  why, on 'photo'",
        "  1 of 1 comparisons not meaningful: there is nothing to compare, or rounding decides all of it",
    ]


def test_frames_without_masks_have_no_figure(capsys):
    row = VideoParity(
        runtime="R", provenance="measured", clip="shapes", status="passed", frame_ious=(0.5, None)
    )
    print_parity("bundles/phone", msgspec.structs.replace(a_report(), videos=(row,)), verbose=True)
    assert any("shapes  0.500 -" in line for line in capsys.readouterr().out.splitlines())


def a_tensor(runtime="R", **changes):
    row = TensorParity(
        runtime=runtime,
        provenance="measured",
        graph="encoder",
        output="features",
        case="photo",
        status="passed",
        max_abs=0.1,
        cosine=1.0,
        sqnr_db=60.0,
    )
    return msgspec.structs.replace(row, **changes)


def test_the_summary_names_the_worst_figure_its_gate_and_where_it_is(capsys):
    """Here in one of two runtimes; a third did not run, and equal tensors have no figure."""
    report = msgspec.structs.replace(
        a_report(),
        recipe="onnx-fp32",
        tensors=(
            a_tensor(),
            a_tensor(case="noise", sqnr_db=None),
            a_tensor("S", case="black", sqnr_db=40.25),
            a_tensor("T", status="not run", sqnr_db=None, reason="no T here"),
        ),
    )
    print_parity("bundles/phone", report, verbose=False)
    assert capsys.readouterr().out.splitlines() == [
        "bundles/phone: onnx-fp32, 32x32; R and S against PyTorch",
        "  graph encoder  passed  SQNR 40.2 dB, gate 35, features on 'black' in S",
        "  T: not run: no T here",
        "parity: passed",
    ]


def test_the_summary_names_what_failed(capsys):
    """A graph without any result is worse than one with a bad one; a distribution is shown if it failed."""
    histogram = HistogramParity(
        runtime="R",
        provenance="measured",
        case="photo",
        histogram="mask areas",
        status="failed",
        reason="collapsed: 90% of the distribution moved, gate 25%",
    )
    nothing = a_tensor(
        case="noise", status="failed", sqnr_db=None, reason="3 of 9 values are NaN or infinite"
    )
    report = msgspec.structs.replace(
        a_report(),
        recipe="onnx-fp32",
        tensors=(a_tensor(status="failed", sqnr_db=3.0, reason="SQNR 3.0 dB, gate 35"), nothing),
        histograms=(
            histogram,
            msgspec.structs.replace(histogram, histogram="pixel classes", status="passed"),
        ),
    )
    print_parity("bundles/phone", report, verbose=False)
    assert capsys.readouterr().out.splitlines()[1:] == [
        "  graph encoder         FAILED  3 of 9 values are NaN or infinite, features on 'noise'",
        "  histogram mask areas  FAILED  collapsed: 90% of the distribution moved, gate 25%, on 'photo'",
        "parity: failed",
    ]


def test_of_many_failures_the_first_are_told(capsys):
    print_failures([f"row {number}" for number in range(9)], verbose=False)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [*(f"FAILED row {number}" for number in range(4)), "FAILED 5 more; --verbose lists all"]
    print_failures([f"row {number}" for number in range(9)], verbose=True)
    assert len(capsys.readouterr().err.splitlines()) == 9


def test_a_missed_gate_ends_with_the_command_that_finds_its_cause(bundle_copy, photo):
    graph = onnx.load(bundle_copy / "prompt.onnx")
    largest = max(graph.graph.initializer, key=lambda tensor: np.prod(tensor.dims))
    largest.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(largest), largest.name))
    onnx.save(graph, bundle_copy / "prompt.onnx")
    reseal(bundle_copy)
    outcome = rapsam("parity", bundle_copy, "--image", photo)
    assert outcome.code == 1
    lines = outcome.out.splitlines()
    (row,) = [line for line in lines if line.startswith("  graph prompt")]
    assert re.search(r"FAILED  cosine -?\d\.\d+, gate 0\.9999, \w+ on '\w+'$", row)
    assert lines[-2:] == ["parity: failed", f"next: rapsam parity {bundle_copy} --localise"]
    assert 1 <= outcome.err.count("FAILED ") <= 5
    assert len(lines) <= 12
