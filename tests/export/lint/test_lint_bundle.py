"""Lint of bundles: by their files, and by what their manifests tell."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.errors import BundleError, InputError
from rapsam.export.backends.delegation import FallbackOp
from rapsam.export.bundle.manifest import ParitySummary
from rapsam.export.bundle.manifest_file import write_manifest
from rapsam.export.lint.bundle import lint_bundle
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle
from tests.export.small_bundle import write_small_bundle


def fallback(**facts) -> FallbackOp:
    plain = {
        "op": "GATHER",
        "count": 2,
        "modules": ("part.a", "part.b"),
        "macs": 0,
        "pixel_sized": False,
        "is_deform_gather": False,
    }
    return FallbackOp(**{**plain, **facts})


@pytest.fixture
def lint(tmp_path):
    """Writes a small bundle, changes its manifest, and lints it."""

    def run(device=None, *, fallbacks=(), parity=None):
        manifest = write_small_bundle(tmp_path)
        first, *others = manifest.graphs
        report = msgspec.structs.replace(first.delegation, fallbacks=fallbacks)
        graphs = (msgspec.structs.replace(first, delegation=report), *others)
        manifest = msgspec.structs.replace(manifest, graphs=graphs, parity=parity or manifest.parity)
        write_manifest(tmp_path, manifest)
        return lint_bundle(tmp_path, device)

    return run


def test_a_bundle_that_is_all_in_its_delegate_is_ready(lint):
    report = lint("pixel-8")
    assert (report.kind, report.readiness, report.findings) == ("bundle", "ready", ())
    assert [graph.graph for graph in report.graphs] == ["encoder", "panoptic"]
    assert report.memory.ram_mb == 8192
    assert report.graphs[0].peak_activation_bytes == (3 * 32 * 64 + 2 * 8 * 16) * 4
    assert {graph.source for graph in report.graphs} == {"manifest"}  # its files are none
    assert report.calibration is None


def test_files_that_can_be_read_are(tmp_path):
    write_tiny_bundle(tmp_path / "tiny")
    report = lint_bundle(tmp_path / "tiny", "pixel-8")
    assert (report.device, report.compute_units) == ("pixel-8", "cpu")
    see, find, answer = report.graphs
    assert {graph.source for graph in report.graphs} == {"file"}
    assert (see.operators, find.operators, answer.operators) == (1, 5, 6)
    assert see.peak_activation_bytes == (3 * 32 * 64 + 3 * 8 * 16) * 4
    assert find.largest.shape == (1, 5, 8, 16)
    assert not any("by manifest only" in note for note in report.notes)


def test_files_that_cannot_be_read_are_named_with_the_reason(lint):
    notes = [note for note in lint("pixel-8").notes if "by manifest only" in note]
    assert [note.partition(":")[0] for note in notes] == ["encoder", "panoptic"]
    assert "ONNX refuses" in notes[0]


@pytest.mark.parametrize(
    ("facts", "severity"),
    [
        ({"macs": 5}, "warning"),
        ({"pixel_sized": True}, "warning"),
        ({"pixel_sized": True, "is_deform_gather": True}, "note"),
        ({}, "note"),
    ],
)
def test_what_its_delegate_did_not_take_is_a_finding_with_its_share(lint, facts, severity):
    (finding,) = lint(fallbacks=(fallback(**facts),)).findings
    assert (finding.rule, finding.severity, finding.graph) == ("outside-delegate", severity, "encoder")
    assert (finding.operator, finding.module) == ("GATHER", "part.a")
    assert finding.mac_share == facts.get("macs", 0) / 10
    assert "2 outside XNNPACK" in finding.detail


def test_a_missed_gate_of_parity_is_an_error(lint):
    parity = ParitySummary(
        status="failed", reference="a test", failures=("graph 'encoder': cosine 0.5",), benign=(), not_run=()
    )
    report = lint(parity=parity)
    assert report.readiness == "not"
    (finding,) = report.findings
    assert (finding.rule, finding.severity) == ("parity-failed", "error")
    assert "cosine 0.5" in finding.detail


def test_without_a_device_its_memory_is_unknown(lint):
    assert lint().memory.ram_unknown == "no device was named"


def test_an_unknown_device_and_a_damaged_bundle_are_refused(lint, tmp_path):
    with pytest.raises(InputError, match="did you mean pixel-8"):
        lint("pixel-88")
    (tmp_path / "encoder.onnx").write_bytes(b"another")
    with pytest.raises(BundleError):
        lint_bundle(tmp_path, None)
