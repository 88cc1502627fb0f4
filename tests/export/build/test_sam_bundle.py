"""Small networks of the family of SAM go the whole way: exported, compared, asked."""

from __future__ import annotations

import numpy as np
import pytest

import rapsam
from rapsam.contract import ENLARGED_MASKS
from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.families import FAMILIES
from rapsam.tasks.prompt_set import Prompt, PromptSet
from tests.models.sam.small_networks import SIDE, small_family, small_sam

PROMPTS = PromptSet(
    (
        Prompt(points=((30, 20),), positive=(True,)),
        Prompt(points=((30, 20), (50, 60)), positive=(True, False)),
        Prompt(box=(10, 10, 60, 50)),
        Prompt(points=((30, 20),), positive=(True,), box=(10, 10, 60, 50)),
    )
)


@pytest.fixture(autouse=True)
def with_small_networks(monkeypatch):
    monkeypatch.setitem(FAMILIES, "small", small_family())


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "edge",
        "tiny",
        pytest.param("repvit", marks=pytest.mark.proof),
        pytest.param("vit", marks=pytest.mark.proof),
    ],
)
def test_bundle_and_checkpoint_answer_alike(name, tmp_path):
    model = small_sam(name)
    # What a checkpoint is asked with, padded to a square.
    model.trained_sides = (96, 96)
    built = rapsam.export_bundle(
        model,
        tmp_path / "bundle",
        target="onnx",
        precision="fp32",
        tasks=("prompt",),
        size=(96, 96),
        enlarge_masks=True,
    )
    assert built.report.status == "passed"
    assert any(row.output == ENLARGED_MASKS for row in built.report.tensors)
    image = draw_scene(3, (90, 64))
    ours = rapsam.load_bundle(tmp_path / "bundle").segment(image, PROMPTS)
    theirs = rapsam.model_segmenter(model).segment(image, PROMPTS)
    np.testing.assert_allclose(ours.mask_logits, theirs.mask_logits, atol=1e-4)
    np.testing.assert_allclose(ours.candidate_iou, theirs.candidate_iou, atol=1e-5)
    np.testing.assert_array_equal(ours.chosen, theirs.chosen)


SHAPES = {"square": (80, 80), "wide": (54, 96), "tall": (120, 50)}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "precision", "status"),
    [
        ("coreml", "fp16", "emulated"),
        ("executorch", "fp32", "passed"),
        ("tflite", "fp32", "passed"),
        pytest.param("onnx", "fp16", "passed", marks=pytest.mark.proof),
        pytest.param("executorch", "fp16", "passed", marks=pytest.mark.proof),
        pytest.param("tflite", "fp16", "passed", marks=pytest.mark.proof),
        pytest.param("coreai", "fp16", "passed", marks=pytest.mark.proof),
        pytest.param("executorch-vulkan", "fp16", "not run", marks=pytest.mark.proof),
        pytest.param("executorch-coreml", "fp16", "not run", marks=pytest.mark.proof),
    ],
)
def test_every_format_answers_on_every_shape_of_image(target, precision, status, tmp_path):
    """Converters were seen to change signs and to shuffle pixels of this decoder without a word."""
    report = exported("edge bilinear", target, precision, tmp_path)
    assert report.status == status
    checked = {row.case for row in report.tasks if row.status != "not run"}
    assert checked >= set(SHAPES) if status != "not run" else not checked


@pytest.mark.proof
@pytest.mark.parametrize("encoder", ["repvit", "tiny", "vit"])
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("onnx", "passed"),
        ("coreml", "emulated"),
        ("executorch", "passed"),
        ("tflite", "passed"),
        ("coreai", "passed"),
        ("executorch-vulkan", "not run"),
        ("executorch-coreml", "not run"),
    ],
)
def test_every_encoder_goes_into_every_format(encoder, target, status, tmp_path):
    """Core ML's delegate refused the padded windows of one encoder, and no other."""
    assert exported(encoder, target, "fp16", tmp_path).status == status


def exported(encoder, target, precision, tmp_path):
    """Exports a small network, and returns how it compared."""
    built = rapsam.export_bundle(
        small_sam(encoder),
        tmp_path / "bundle",
        target=target,
        precision=precision,
        tasks=("prompt",),
        size=(SIDE, SIDE),
        images={name: draw_scene(5, size) for name, size in SHAPES.items()},
    )
    return built.report
