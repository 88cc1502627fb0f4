"""Lint of whole models: the smallest real one, and one of another family."""

from __future__ import annotations

import msgspec
import pytest
import torch

import rapsam
from rapsam.export.build.plan import plan_export
from rapsam.export.lint.model import lint_model
from rapsam.export.lint.report import LintReport
from rapsam.models.build import deployment_of
from rapsam.quantize.calibration import MIN_IMAGES, open_calibration
from tests.other_family import Boxer, BoxerDeployment

SIZE = (64, 64)


@pytest.fixture(scope="module")
def images():
    return open_calibration("drawn", MIN_IMAGES)


@pytest.fixture(scope="module")
def nano(images) -> LintReport:
    deployment = deployment_of(rapsam.build_model("rapsam_nano", checkpoint="formula"))
    steps = []
    report = lint_model(deployment, plan_export(device="pixel-8", size=SIZE), images, steps.append, "gpu")
    assert "encoder: capturing" in steps
    return report


def test_a_real_model_is_examined_graph_by_graph(nano):
    assert [graph.graph for graph in nano.graphs] == ["encoder", "panoptic", "prompt"]
    assert all(graph.macs and graph.bytes_moved and graph.peak_activation_bytes for graph in nano.graphs)
    assert all(graph.largest.size_bytes <= graph.peak_activation_bytes for graph in nano.graphs)
    assert (nano.compute_units, nano.accelerators) == ("gpu", ("LiteRT GPU",))
    assert nano.readiness == "not"
    assert nano.memory.ram_mb == 8192
    assert all(graph.estimated_ms is None for graph in nano.graphs)
    assert nano.estimate_unknown


def test_findings_come_with_module_role_cost_and_mend(nano):
    gathered = [finding for finding in nano.findings if finding.rule == "litert-gpu-rows"]
    assert len(gathered) == 3
    for finding in gathered:
        assert finding.graph == "encoder"
        assert finding.role == "sampling"
        assert finding.bytes_moved > 0
        assert finding.mac_share == 0
        assert finding.mend
        assert finding.evidence
    severities = [finding.severity for finding in nano.findings]
    assert severities == sorted(severities, key=("error", "warning", "note").index)


def test_values_are_looked_at_and_those_of_formula_weights_are_no_errors(nano):
    assert nano.calibration_images == MIN_IMAGES
    assert {(worst.graph, worst.what) for worst in nano.worst} >= {
        ("encoder", "result"),
        ("panoptic", "layer norm input"),
    }
    assert all(finding.severity == "note" for finding in nano.findings if finding.rule.startswith("fp16-"))
    assert any("learnt nothing" in note for note in nano.notes)


def test_a_report_is_a_record_that_reads_back(nano):
    finite = msgspec.json.decode(msgspec.json.encode(nano), type=LintReport)
    assert finite.findings == nano.findings
    assert finite.schema_version == 2


def test_another_family_is_examined_without_a_word_of_its_own(images):
    network = Boxer("boxer_tiny")
    plan = plan_export(target="coreml", size=SIZE, tasks=("prompt",))
    report = lint_model(BoxerDeployment(network), plan, images, lambda _step: None)
    assert [graph.graph for graph in report.graphs] == ["look", "ask", "answer"]
    assert (report.readiness, report.findings) == ("ready", ())
    assert report.device is None
    assert report.memory.ram_unknown == "no device was named"


def test_a_model_that_float16_cannot_hold_is_not_ready(images):
    network = Boxer("boxer_tiny")
    network.weights = msgspec.structs.replace(network.weights, trained=True)
    with torch.no_grad():
        network.stem.weight.mul_(1e6)
    plan = plan_export(target="coreml", size=SIZE, tasks=("prompt",))
    report = lint_model(BoxerDeployment(network), plan, images, lambda _step: None)
    assert report.readiness == "not"
    assert {finding.rule for finding in report.findings} == {"fp16-value-range"}
    assert max(worst.value for worst in report.worst) > 65504


def test_a_target_without_accelerators_has_nothing_to_be_judged(images):
    plan = plan_export(target="onnx", precision="w8a8", size=SIZE, tasks=("prompt",))
    report = lint_model(BoxerDeployment(Boxer("boxer_tiny")), plan, images, lambda _step: None)
    assert (report.readiness, report.findings, report.accelerators) == ("ready", (), ())
    assert any("declares no accelerator" in note for note in report.notes)
    assert any("the float graph was examined" in note for note in report.notes)
