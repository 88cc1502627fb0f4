"""The graphs of RAP-SAM in every format, judged by the recipe's own gates in a runtime."""

from __future__ import annotations

import pytest

import rapsam
from rapsam.export.parity.sample_images import draw_scene
from tests.models.golden_models import golden_model

IMAGES = {"scene": draw_scene(1, (360, 480))}


def export(model, folder, target, size, tasks):
    manifest, report = rapsam.export_bundle(
        golden_model(model), folder, target=target, precision="fp32", size=size, tasks=tasks, images=IMAGES
    )
    assert report.status == ("emulated" if target == "coreml" and report.not_run() else "passed")
    assert not report.failures()
    assert all(row.cosine >= 0.9999 for row in report.tensors if row.status == "passed")
    return manifest


@pytest.mark.parametrize("target", ["tflite", "executorch", "coreml"])
def test_nano_in_every_format(tmp_path, target):
    manifest = export("rapsam_nano", tmp_path / target, target, (96, 128), ["panoptic", "prompt"])
    bundle = rapsam.load_bundle(tmp_path / target)
    assert bundle.manifest == manifest
    assert bundle.predict(draw_scene(2, (70, 90)), points=[(30, 30)]).masks.shape == (1, 70, 90)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["onnx", "tflite", "executorch", "coreml"])
def test_r18_at_512_in_every_format(tmp_path, target):
    export("rapsam_r18", tmp_path / target, target, (512, 512), ["panoptic"])


@pytest.mark.slow
def test_r50_at_640(tmp_path):
    export("rapsam_r50", tmp_path / "r50", "onnx", (640, 640), ["prompt"])
