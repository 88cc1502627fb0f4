"""`rapsam parity`: exit code 0 for a passed bundle, 1 for a missed gate, 2 for wrong words."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from rapsam.export.manifest import read_manifest
from tests.cli.cli_runs import assert_refused, rapsam
from tests.cli.resealing import reseal


def test_a_good_bundle_passes(bundle, photo):
    outcome = rapsam("parity", bundle, "--image", photo)
    assert outcome.code == 0, outcome.err
    assert outcome.out.splitlines()[-1] == "parity: passed"
    assert "ONNX Runtime  prompt    mask_logits   photo" in outcome.out
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
    failed = {row["graph"] for row in report["tensors"] if row["status"] == "failed"}
    assert failed == {"prompt"}
    assert "FAILED ONNX Runtime: graph 'prompt', output 'mask_logits', input 'photo': cosine" in outcome.err


def test_a_bundle_of_a_checkpoint_asks_for_it(bundle_copy):
    model = read_manifest(bundle_copy).model
    reseal(bundle_copy, model=msgspec.structs.replace(model, weights_origin="mine.pth"))
    assert_refused(rapsam("parity", bundle_copy), "made from mine.pth; give it: --checkpoint FILE")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--classifier", "ytvis_2019"], "not what the bundle was made from"),
        (["--classifier", "ytvis"], "did you mean ytvis_2019?"),
        (["--checkpoint", "none.pth"], "none.pth does not exist"),
        (["--image", "none.jpg"], "none.jpg does not exist"),
    ],
)
def test_wrong_companions_are_refused(options, says, bundle):
    assert_refused(rapsam("parity", bundle, *options), says)


def test_a_recipe_from_another_version_is_refused(bundle_copy):
    reseal(bundle_copy, recipe="onnx-int2")
    assert_refused(rapsam("parity", bundle_copy), "onnx-int2", "onnx-fp")
