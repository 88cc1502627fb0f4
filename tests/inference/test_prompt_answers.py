"""What a network answers to prompts is refused where it is no number."""

from __future__ import annotations

import numpy as np
import pytest

import rapsam
from rapsam.errors import InputError
from rapsam.inference.network import PromptLogits
from rapsam.tasks.geometry import ImageGeometry

GEOMETRY = ImageGeometry(padded_size=(64, 64), content_size=(64, 48), original_size=(64, 48))


@pytest.mark.parametrize(("broken", "says"), [("mask_logits", "mask logits"), ("iou", "predicted IoUs")])
def test_answers_with_nan_are_refused(broken, says):
    segmenter = rapsam.model_segmenter(rapsam.build_model("rapsam_nano", checkpoint="formula"))
    answers = PromptLogits(np.ones((2, 1, 16, 16), np.float32), np.ones((2, 1), np.float32))
    assert segmenter.masks_of(answers, GEOMETRY).masks.all()
    getattr(answers, broken)[1] = np.nan
    with pytest.raises(InputError, match=f"{says} hold .* NaN"):
        segmenter.masks_of(answers, GEOMETRY)
