"""Whole networks against outputs of the originals: from a photo to masks, ten prompts each."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from rapsam.models.sam.config import VARIANTS as CONFIGS
from rapsam.models.sam.model import Sam
from rapsam.models.sam.repvit import enlarged
from rapsam.models.sam.vit import Vit
from rapsam.tasks.preprocess import normalise_and_pad
from tests.models.sam.golden_sam import (
    EMBEDDING,
    FLIPPED_PIXELS,
    IOU,
    LOGITS,
    close,
    formula_sam,
    images_of,
)

SIDE = 1024
VARIANTS = (
    "repvit_sam",
    "edge_sam",
    "mobile_sam",
    pytest.param("sam_vit_b", marks=pytest.mark.slow),
)
NUM_CASES = 10


@pytest.mark.parametrize("variant", VARIANTS)
@torch.no_grad()
def test_photo_to_masks(variant):
    for files in images_of(variant):
        check_photo(formula_sam(variant), files)


@torch.no_grad()
def test_edge_sam_enlarged_bilinearly():
    """The form that exports of its authors have, of the same weights; one image was recorded."""
    files = images_of("edge_sam_bilinear")[0]
    model = Sam("edge_sam_bilinear", CONFIGS["edge_sam_bilinear"]).eval()
    model.load_state_dict(formula_sam("edge_sam").state_dict())
    embedding = model.encode(network_input(files))
    close("embedding", embedding[0, ::8, ::4, ::4], files["emb_sub"], EMBEDDING)
    check_case(model, files, "point1_multi", embedding, {})


def check_photo(model, files):
    taps = Taps(model.image_encoder, files)
    embedding = model.encode(network_input(files))
    taps.check()
    close("embedding", embedding[0, ::8, ::4, ::4], files["emb_sub"], EMBEDDING)
    close("embedding", embedding[0, :2], files["emb_ch0"], EMBEDDING)
    close("mean", embedding[0].mean((1, 2)), files["emb_mean_c"], EMBEDDING)
    close("deviation", embedding[0].std((1, 2), correction=0), files["emb_std_c"], EMBEDDING)
    cases, answers = json.loads(bytes(files["meta"]))["cases"], {}
    assert len(cases) == NUM_CASES
    for name in cases:
        answers[name] = check_case(model, files, name, embedding, answers)


def network_input(files):
    height, width = (int(side) for side in files["input_size"])
    resized = Image.fromarray(files["image"]).resize((width, height), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(normalise_and_pad(np.asarray(resized), divisor=1).pixels)
    return F.pad(pixels, (0, SIDE - width, 0, SIDE - height))


def check_case(model, files, name, embedding, answers):
    """Answers one prompt and compares; returns the mask logits that may be the prompt of a later case."""
    case = json.loads(bytes(files["meta"]))["cases"][name]
    mask = answers[case["mask"]] if "mask" in case else None
    masks, iou = model.answer(embedding, *prompt(case, files), mask)
    chosen = slice(1, 4) if case["mm"] else slice(0, 1)
    masks, iou = masks[0, chosen], iou[0, chosen]
    close(f"{name}, logits", masks[:, ::4, ::4], files[f"{name}/low_sub"], LOGITS)
    close(f"{name}, mean", masks.mean((1, 2)), files[f"{name}/low_mean"], LOGITS)
    close(f"{name}, IoU", iou, files[f"{name}/iou"], IOU)
    check_masks(files, name, masks)
    return masks[iou.argmax()][None, None]


def prompt(case, files):
    height, width = files["image"].shape[:2]
    scale = torch.tensor([int(files["input_size"][1]) / width, int(files["input_size"][0]) / height]).double()
    points, labels = [*case.get("pc", [])], [*case.get("pl", [])]
    if points and "box" not in case:
        points, labels = [*points, [0.0, 0.0]], [*labels, -1]
    if "box" in case:
        points, labels = [*points, case["box"][:2], case["box"][2:]], [*labels, 2, 3]
    scaled = torch.tensor(points, dtype=torch.float64).reshape(1, -1, 2) * scale
    return scaled.float(), torch.tensor([labels]).reshape(1, -1)


def check_masks(files, name, masks):
    """Enlarges, crops and cuts at zero, as the originals do."""
    height, width = files["image"].shape[:2]
    inner = (int(side) for side in files["input_size"])
    whole = F.interpolate(masks[None], (SIDE, SIDE), mode="bilinear", align_corners=False)
    content = whole[..., : next(inner), : next(inner)]
    logits = F.interpolate(content, (height, width), mode="bilinear", align_corners=False)[0]
    areas = (logits > 0).sum((1, 2)).numpy()
    assert np.abs(areas - files[f"{name}/area"]).max() <= FLIPPED_PIXELS, name
    bits = files[f"{name}/mask_bits"]
    recorded = np.unpackbits(bits, axis=-1)[:, : height * width].reshape(-1, height, width)
    flipped = ((logits[: len(recorded)] > 0).numpy() != recorded).sum((1, 2))
    assert flipped.max() <= FLIPPED_PIXELS, name
    if f"{name}/logits_sub" in files:
        close(f"{name}, enlarged", logits[:, ::8, ::8], files[f"{name}/logits_sub"], LOGITS)


class Taps:
    """Samples what modules return that were recorded."""

    def __init__(self, encoder, files):
        self.files = files
        self.stride = int(json.loads(bytes(files["meta"]))["tap_stride"])
        self.seen = {}
        self.names = [key.removeprefix("tap/") for key in files.files if key.startswith("tap/")]
        self.hooks = [
            encoder.get_submodule(our_module(name)).register_forward_hook(self._hook(encoder, name))
            for name in self.names
        ]

    def _hook(self, encoder, name):
        def sample(_module, _inputs, output):
            if name == "fuse_stage3":  # whose module enlarges, too
                output = enlarged(output, encoder.config.fused)
            if records_channels_last(encoder, name):
                output = output.permute(0, 2, 3, 1)
            self.seen[name] = output.flatten()[:: self.stride].clone()

        return sample

    def check(self):
        for hook in self.hooks:
            hook.remove()
        assert set(self.seen) == set(self.names)
        for name, sample in self.seen.items():
            golden = self.files[f"tap/{name}"]
            close(name, sample, golden, EMBEDDING * max(1.0, float(golden.std())))


def our_module(published):
    """Translates the name of a module that was recorded; some names say which encoder it is of."""
    if published == "features.0":
        return "stem"
    if match := re.fullmatch(r"features\.(\d+)", published):
        return f"blocks.{int(match[1]) - 1}"
    known = {"fuse_stage2": "middle_proj", "fuse_stage3": "deep_proj"}
    return known.get(published, published.replace("layers.", "stages."))


def records_channels_last(encoder, published):
    if isinstance(encoder, Vit):
        return published == "patch_embed"
    return bool(re.fullmatch(r"layers\.\d+", published))
