"""Small networks of the family of SAM go the whole way: exported, compared, asked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import rapsam
from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.families import FAMILIES
from rapsam.models.sam.family import SAM
from rapsam.tasks.prompt_set import Prompt, PromptSet
from tests.models.sam.small_networks import ENCODERS, small_sam

PROMPTS = PromptSet(
    (
        Prompt(points=((30, 20),), positive=(True,)),
        Prompt(points=((30, 20), (50, 60)), positive=(True, False)),
        Prompt(box=(10, 10, 60, 50)),
        Prompt(points=((30, 20),), positive=(True,), box=(10, 10, 60, 50)),
    )
)


@pytest.fixture(autouse=True)
def small_family(monkeypatch):
    small = replace(SAM, variants=tuple(ENCODERS), facts=lambda _: {}, terms=lambda _: "")
    monkeypatch.setitem(FAMILIES, "small", small)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["repvit", "edge", "tiny", "vit"])
def test_bundle_and_checkpoint_answer_alike(name, tmp_path):
    model = small_sam(name)
    # What a checkpoint is asked with, padded to a square.
    model.trained_sides = (96, 96)
    built = rapsam.export_bundle(
        model, tmp_path / "bundle", target="onnx", precision="fp32", tasks=("prompt",), size=(96, 96)
    )
    assert built.report.status == "passed"
    image = draw_scene(3, (90, 64))
    ours = rapsam.load_bundle(tmp_path / "bundle").segment(image, PROMPTS)
    theirs = rapsam.model_segmenter(model).segment(image, PROMPTS)
    np.testing.assert_allclose(ours.mask_logits, theirs.mask_logits, atol=1e-4)
    np.testing.assert_allclose(ours.candidate_iou, theirs.candidate_iou, atol=1e-5)
    np.testing.assert_array_equal(ours.chosen, theirs.chosen)
