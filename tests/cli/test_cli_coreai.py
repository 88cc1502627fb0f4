"""A bundle for Core AI, executed by Apple's own runtime: the whole path at a real size."""

from __future__ import annotations

import json

import pytest

from rapsam.export.backends import BACKENDS
from rapsam.export.build.cache import FOLDER_VARIABLE
from tests.cli.cli_runs import rapsam


def test_the_shipped_weights_pass_in_apples_runtime_and_find_objects(tmp_path, photo, monkeypatch):
    reason = BACKENDS["coreai"].unavailable()
    if reason:
        pytest.skip(reason)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "stages"))
    outcome = rapsam(
        *("export", "--model", "rapsam_nano", "--checkpoint", "nano-synth", "--target", "coreai"),
        *("--precision", "fp32", "--size", "256x256", "--tasks", "panoptic"),
        *("--image", photo, "--out", tmp_path / "bundles"),
    )
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[-3] == "parity: passed"
    bundle = tmp_path / "bundles" / "coreai-fp32"
    report = json.loads((bundle / "parity.json").read_text())
    compared = [*report["tensors"], *report["tasks"]]
    assert {(row["runtime"], row["provenance"]) for row in compared} == {
        ("Core AI reference on CPU", "measured")
    }
    assert min(row["sqnr_db"] for row in report["tensors"] if row["sqnr_db"] is not None) > 80
    predicted = rapsam("predict", photo, "--bundle", bundle, "--out", tmp_path / "results")
    assert predicted.code == 0, predicted.err
