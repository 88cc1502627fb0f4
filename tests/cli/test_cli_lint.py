"""`rapsam lint`: what it prints, its record, its exit codes and its refusals."""

from __future__ import annotations

import json
import re

import pytest

from rapsam.export.lint.report import SCHEMA_FILE
from tests.cli.cli_runs import assert_refused, rapsam
from tests.published_schemas import assert_valid

SMALL = ("--size", "64x64", "--tasks", "prompt")


@pytest.fixture(scope="module")
def for_a_gpu():
    return rapsam("lint", "rapsam_nano", "--device", "pixel-8", "--units", "gpu", *SMALL)


@pytest.fixture(scope="module")
def as_advised():
    return rapsam("lint", "rapsam_nano", "--device", "pixel-8", *SMALL)


def test_a_phone_is_judged_for_what_the_catalogue_advises(as_advised):
    assert as_advised.code == 0
    assert as_advised.out.splitlines()[-1] == "ready: 0 errors, 0 warnings for the CPU"
    assert "error if an app chooses 'gpu': " in as_advised.out
    assert "note: judged for 'cpu', as the catalogue advises for pixel-8" in as_advised.out


def test_errors_end_with_1_and_a_verdict_as_the_last_line(for_a_gpu):
    assert for_a_gpu.code == 1
    *lines, verdict = for_a_gpu.out.splitlines()
    assert verdict.startswith("not: ")
    assert verdict.endswith(" for LiteRT GPU")
    assert lines[0].startswith("rapsam_nano on pixel-8: tflite-fp16, 64x64, prompt; estimated")


def test_each_rule_says_what_mends_it_and_who_says_so(for_a_gpu):
    assert "  mend: view both sides with rank 4" in for_a_gpu.out
    assert "  evidence: https://github.com/google-ai-edge/LiteRT/issues/8619" in for_a_gpu.out
    assert for_a_gpu.out.count("litert-gpu-batched-product: ") == 1


def test_what_is_not_known_is_said(for_a_gpu):
    assert (
        "time by roofline: unknown, the catalogue has no throughput and bandwidth of pixel-8" in for_a_gpu.out
    )
    assert "note: the weights have learnt nothing" in for_a_gpu.out


def test_in_a_terminal_of_80_columns_only_addresses_are_longer(monkeypatch):
    """`FORCE_COLOR` makes rich take the output for a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    text = rapsam("lint", "rapsam_nano", "--device", "pixel-8", "--units", "gpu", *SMALL).out
    lines = re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()
    assert [line for line in lines if len(line) > 80 and "https://" not in line] == []
    assert lines[1].split() == ["severity", "rule", "graph", "places", "of", "MACs", "moved"]
    rows = lines[2 : lines.index("")]
    assert {row.split()[1] for row in rows} >= {"litert-gpu-batched-product", "litert-gpu-rank"}
    assert "  mend: view both sides with rank 4, (1, heads, rows, channels): exact, as the" in lines
    assert "    packed self-attention of docs/rewrites.md" in lines


def test_in_a_pipe_each_row_and_each_text_is_one_line(for_a_gpu):
    lines = for_a_gpu.out.splitlines()
    assert max(len(line) for line in lines[: lines.index("")]) <= 80
    assert any(line.endswith(" and 1 more: 64x1x36 by 64x36x16") for line in lines)
    (mend,) = [line for line in lines if line.startswith("  mend: view both sides")]
    assert mend.endswith("docs/rewrites.md")


def test_several_phones_are_judged_each_for_itself():
    outcome = rapsam("lint", "rapsam_nano", "--device", "pixel-8", "iphone-15-pro", *SMALL)
    assert outcome.code == 0
    titles = [line for line in outcome.out.splitlines() if line.startswith("rapsam_nano on ")]
    assert [title.split(":")[0] for title in titles] == [
        "rapsam_nano on pixel-8",
        "rapsam_nano on iphone-15-pro",
    ]
    *_, pixel, iphone = outcome.out.splitlines()
    assert pixel == "pixel-8: ready: 0 errors, 0 warnings for the CPU"
    assert re.fullmatch(r"iphone-15-pro: partly: 0 errors, [1-9]\d* warnings for Neural Engine", iphone)


def test_warnings_alone_end_with_0_and_json_is_the_record():
    outcome = rapsam("lint", "rapsam_nano", "--device", "iphone-15-pro", *SMALL, "--json")
    assert outcome.code == 0
    report = json.loads(outcome.out)
    assert_valid(report, SCHEMA_FILE)
    assert (report["readiness"], report["target"], report["provenance"]) == ("partly", "coreml", "estimated")
    assert {finding["severity"] for finding in report["findings"]} == {"warning"}
    assert report["memory"]["ram_mb"] is None
    assert "iphone-15-pro" in report["memory"]["ram_unknown"]
    assert [graph["graph"] for graph in report["graphs"]] == ["encoder", "prompt"]
    assert report["calibration_images"] == 8


def test_the_record_of_a_bundle_has_the_same_schema(bundle):
    report = json.loads(rapsam("lint", bundle, "--device", "pixel-8", "--json").out)
    assert_valid(report, SCHEMA_FILE)
    assert (report["kind"], report["schema_version"]) == ("bundle", 2)


def test_records_of_several_phones_are_a_list(bundle):
    reports = json.loads(
        rapsam("lint", bundle, "--device", "pixel-8", "--device", "iphone-15-pro", "--json").out
    )
    assert [report["device"] for report in reports] == ["pixel-8", "iphone-15-pro"]
    for report in reports:
        assert_valid(report, SCHEMA_FILE)


def test_a_bundle_for_a_phone_that_starts_with_another_format_says_so(bundle):
    outcome = rapsam("lint", bundle, "--device", "iphone-15-pro")
    says = "exports for iphone-15-pro are coreml unless told otherwise: an app there needs a runtime for onnx"
    assert f"note: {says}" in outcome.out.splitlines()


def test_a_bundle_is_judged_by_its_manifest(bundle):
    outcome = rapsam("lint", bundle, "--device", "pixel-8")
    assert outcome.code == 0
    assert outcome.err == ""
    assert "note: target onnx declares no accelerator" in outcome.out
    assert outcome.out.splitlines()[-1] == (
        "ready: 0 errors, 0 warnings for the CPU, as far as its files and its manifest tell"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("rapsam_nanoo", "--device", "pixel-8"), "did you mean rapsam_nano"),
        (("rapsam_nano", "--device", "pixle-8"), "did you mean pixel-8"),
        (("rapsam_nano",), "neither device nor target given"),
        (("bundles/none", "--device", "pixel-8"), "bundles/none is no folder"),
        (("rapsam_nano", "--device", "pixel-8", "--size", "64"), "expected HEIGHTxWIDTH"),
        (("rapsam_nano", "--device", "pixel-8", "--tasks", "sing"), "unknown task 'sing'"),
        (("rapsam_nano", "--target", "onnx", "--calibration-images", "3"), "expected 8 to 1024"),
        (
            ("rapsam_nano", "--device", "pixel-8", "--units", "npu"),
            "unknown compute unit of the target tflite",
        ),
    ],
)
def test_what_cannot_be_linted_is_refused_in_one_line(arguments, says):
    assert_refused(rapsam("lint", *arguments), says)


def test_options_of_models_are_refused_for_a_bundle(bundle):
    assert_refused(rapsam("lint", bundle, "--size", "64x64"), "--size for the bundle", "leave it out")


def test_a_damaged_bundle_is_refused(bundle_copy):
    (bundle_copy / "manifest.json").write_text("{}")
    assert_refused(rapsam("lint", bundle_copy, "--device", "pixel-8"))
