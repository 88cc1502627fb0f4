"""What is asked before long work: may these weights become that bundle?"""

from __future__ import annotations

import pytest

from rapsam.errors import InputError
from rapsam.export.build.finished import finished_bundle
from rapsam.export.build.inputs import gather_inputs
from rapsam.export.build.plan import plan_matrix
from rapsam.models.build import build_model, deployment_of
from rapsam.models.origins import Weights
from rapsam.quantize.calibration import open_calibration


@pytest.fixture(scope="module")
def calibration():
    return open_calibration("drawn", 8)


def asked(target, precision, trained_for, calibration, out):
    model = build_model("rapsam_nano", checkpoint="formula")
    model.weights = Weights(origin="file", name="mine", trained=True, trained_for=trained_for)
    (plan,) = plan_matrix(target=target, precision=precision, sizes=[(32, 32)], tasks=["panoptic"])
    return finished_bundle(gather_inputs(deployment_of(model), {}, calibration), plan, out)


@pytest.mark.parametrize("precision", ["fp32", "fp16", "w8a8"])
def test_weights_for_few_bits_become_those_or_float(precision, calibration, tmp_path):
    assert asked("onnx", precision, "onnx-w8a8", calibration, tmp_path / "bundle") is None


@pytest.mark.parametrize(("target", "precision"), [("onnx", "w8"), ("tflite", "w8a8"), ("coreml", "p6")])
def test_weights_for_few_bits_become_no_other_few_bits(target, precision, calibration, tmp_path):
    with pytest.raises(
        InputError, match=r"trained for 'onnx-w8a8', exported as .*; export as that or at a float"
    ):
        asked(target, precision, "onnx-w8a8", calibration, tmp_path / "bundle")


@pytest.mark.parametrize("precision", ["w8", "w8a8"])
def test_float_weights_become_any(precision, calibration, tmp_path):
    assert asked("onnx", precision, None, calibration, tmp_path / "bundle") is None
