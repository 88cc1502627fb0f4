"""Bundles of the promptable networks at their full size give the recorded masks of the originals."""

from __future__ import annotations

import json

import numpy as np
import pytest

import rapsam
from rapsam.tasks.prompt_set import Prompt, PromptSet
from tests.models.sam.golden_sam import FLIPPED_PIXELS, IOU, LOGITS, formula_sam, images_of

SIZE = (1024, 1024)
MOST_POINTS = 3
"""Of a recorded prompt."""
MASK_IOU_16 = 0.99
"""Of every mask, in 16 bits."""
BUNDLES = [
    ("edge_sam", "onnx", "fp32"),
    ("edge_sam_bilinear", "tflite", "fp32"),
    ("edge_sam_bilinear", "executorch", "fp32"),
    ("edge_sam_bilinear", "onnx", "fp16"),
    ("edge_sam_bilinear", "tflite", "fp16"),
    ("edge_sam_bilinear", "executorch", "fp16"),
    ("mobile_sam", "onnx", "fp32"),
    ("repvit_sam", "onnx", "fp32"),
]


@pytest.mark.proof
@pytest.mark.parametrize(("name", "target", "precision"), BUNDLES)
def test_a_bundle_gives_the_recorded_masks_of_the_original(name, target, precision, tmp_path):
    rapsam.export_bundle(
        formula_sam(name),
        tmp_path / "bundle",
        target=target,
        precision=precision,
        tasks=("prompt",),
        size=SIZE,
        max_points=MOST_POINTS,
    )
    for files in images_of(name):
        check_recorded(tmp_path / "bundle", files, precision)


def check_recorded(folder, files, precision):
    cases, answers = json.loads(bytes(files["meta"]))["cases"], {}
    known = rapsam.load_bundle(folder).embed(files["image"])
    height, width = files["image"].shape[:2]
    for name, case in cases.items():
        found = known.segment(PromptSet((recorded_prompt(case, answers),)))
        offered = slice(1, 4) if case["mm"] else slice(0, 1)
        logits, iou = found.mask_logits[0, offered], found.candidate_iou[0, offered]
        recorded = np.unpackbits(files[f"{name}/mask_bits"], axis=-1)[:, : height * width].astype(bool)
        masks = found.candidates[0, offered][: len(recorded)].reshape(len(recorded), -1)
        if precision == "fp32":
            np.testing.assert_allclose(logits[:, ::4, ::4], files[f"{name}/low_sub"], atol=LOGITS)
            np.testing.assert_allclose(iou, files[f"{name}/iou"], atol=IOU)
            assert (masks != recorded).sum(1).max() <= FLIPPED_PIXELS, name
        else:
            assert ((masks & recorded).sum(1) / (masks | recorded).sum(1)).min() >= MASK_IOU_16, name
        answers[name] = logits[files[f"{name}/iou"].argmax()]
    assert len(answers) == len(cases)


def recorded_prompt(case, answers):
    return Prompt(
        points=tuple(map(tuple, case.get("pc", ()))),
        positive=tuple(label == 1 for label in case.get("pl", ())),
        box=tuple(case["box"]) if "box" in case else None,
        mask=answers[case["mask"]] if "mask" in case else None,
    )
