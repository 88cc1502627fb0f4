from __future__ import annotations

import shutil

import msgspec
import numpy as np
import pytest

from rapsam.errors import BundleError
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.bundle.private_copy import load_graphs
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.parity.report import TensorParity
from rapsam.export.parity.self_test import run_self_test

RUNTIME = RUNTIMES["onnx"][0]
OUTPUTS = ["see.seen", "find.classes", "find.masks", "answer.answered", "answer.quality"]


class Changed:
    """A graph whose outputs are changed."""

    def __init__(self, runner, change) -> None:
        self.runner, self.change = runner, change

    def run(self, inputs):
        return {name: self.change(array) for name, array in self.runner.run(inputs).items()}


def refuse(_array):
    raise BundleError("the runtime cannot run it")


def rows(folder, **changes) -> list[TensorParity]:
    manifest = verify_bundle(folder)
    runners = load_graphs(RUNTIME, folder, manifest)
    changed = {graph: Changed(runners[graph], change) for graph, change in changes.items()}
    return list(run_self_test(folder, manifest, RUNTIME, {**runners, **changed}))


def statuses(found: list[TensorParity]) -> dict[str, str]:
    return {f"{row.graph}.{row.output}": row.status for row in found}


def test_a_bundle_passes_its_own_test(tiny_bundle):
    found = rows(tiny_bundle)
    assert statuses(found) == dict.fromkeys(OUTPUTS, "passed")
    assert {row.case for row in found} == {"scene"}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda array: array * 0, "cosine"),
        (lambda array: array * 1.5, "SQNR"),
        (lambda array: array * np.nan, "NaN or infinite"),
        (lambda array: array[:, :1], "shape"),
    ],
)
def test_a_wrong_graph_fails(tiny_bundle, change, says):
    found = rows(tiny_bundle, find=change)
    assert statuses(found) == {
        **dict.fromkeys(OUTPUTS, "passed"),
        "find.classes": "failed",
        "find.masks": "failed",
    }
    assert all(says in row.reason for row in found if row.status == "failed")


def test_errors_add_up_along_the_graphs(tiny_bundle):
    found = statuses(rows(tiny_bundle, see=lambda array: array * 2))
    assert [name for name, status in found.items() if status == "failed"] == OUTPUTS[:-1]


def test_a_graph_that_cannot_run_fails_with_all_behind_it(tiny_bundle):
    found = rows(tiny_bundle, find=refuse)
    assert [row.status for row in found] == ["passed", *["failed"] * 4]
    assert found[1].reason == "the runtime cannot run it"


def test_what_rounding_alone_does_is_excused(tiny_bundle, tmp_path):
    copy = shutil.copytree(tiny_bundle, tmp_path / "copy")
    manifest = verify_bundle(copy)
    runners = load_graphs(RUNTIME, copy, manifest)
    noisy = {**runners, "find": Changed(runners["find"], lambda array: array * 1.05)}
    assert statuses(list(run_self_test(copy, manifest, RUNTIME, noisy)))["find.masks"] == "failed"
    row = {"runtime": "x", "provenance": "measured", "status": "benign", "graph": "find", "case": "scene"}
    told = [{**row, "output": name, "rounding_db": 25.0} for name in ("masks", "classes")]
    (copy / "parity.json").write_bytes(msgspec.json.encode({"tensors": told}))
    assert statuses(list(run_self_test(copy, manifest, RUNTIME, noisy)))["find.masks"] == "benign"
