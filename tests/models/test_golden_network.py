"""The networks against the published implementation, with weights by formula."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from rapsam.models.formula import formula_classifier
from rapsam.models.rapsam.checkpoint_map import to_published
from rapsam.models.rapsam.model import RapSamOutput
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.instances import instance_segmentation
from rapsam.tasks.panoptic import panoptic_segmentation
from rapsam.tasks.preprocess import normalise_and_pad
from rapsam.tasks.prompt import interactive_masks
from tests.golden_files import golden, golden_folder
from tests.models.golden_models import assert_close, assert_close_rows, golden_model

NECK, MASK, QUERY, STAGE_CLASS, ADAPTER_CLASS, IOU = 1e-4, 5e-3, 1e-2, 1.0, 0.15, 1e-2
PANOPTIC = [("pan_r18_256x320", "rapsam_r18"), ("pan_r50_256x320", "rapsam_r50")]
PROMPTED = [
    ("int_r18_points_k5", "rapsam_r18"),
    ("int_r18_boxes_k1", "rapsam_r18"),
    ("int_r50_pad_points_k5", "rapsam_r50"),
]


def sampled(files, key, tensor):
    return tensor.flatten()[:: int(files[f"{key}_step"])].numpy()


def check_output(files, output: RapSamOutput, *, prompted: bool = False) -> None:
    assert_close("neck", sampled(files, "neck", output.features), files["neck_smp"], NECK)
    stride = int(files["sub_stride"])
    masks = {
        "init": output.initial_mask_logits,
        **{f"s{i}": s.mask_logits for i, s in enumerate(output.stages)},
    }
    moved = np.zeros(output.initial_mask_logits.shape[1], bool)
    for key, tensor in masks.items():
        logits = tensor[0].numpy()
        whole = files["q_full"]
        assert_close_rows(f"mask {key}", logits[whole], files[f"mask_{key}_full"], MASK, moved[whole])
        assert_close_rows(
            f"mask {key}", logits[..., ::stride, ::stride], files[f"mask_{key}_sub"], MASK, moved
        )
        flipped = (logits > 0).reshape(len(logits), -1).sum(1) - files[f"mask_{key}_npos"]
        assert np.abs(flipped).max() <= 10
        moved |= flipped != 0
        if key == "init":
            continue
        i, stage = int(key[1]), output.stages[int(key[1])]
        # In prompt mode the last class logits are a copy of stage 2's, temperature included.
        tolerance = ADAPTER_CLASS if i == 3 and not prompted else STAGE_CLASS
        assert_close_rows(f"class {i}", stage.class_logits[0], files[f"cls_s{i}"], tolerance, moved)
        assert_close_rows(f"queries {i}", stage.queries[0], files[f"kern_s{i}"], QUERY, moved)
        assert_close_rows(f"IoU {i}", stage.iou[0], files[f"iou_s{i}"], IOU, moved)
    assert moved.mean() <= 0.15


@pytest.fixture(scope="module", params=PANOPTIC, ids=lambda p: p[0])
def panoptic(request):
    name, variant = request.param
    files = golden(name)
    pixels, _ = normalise_and_pad(files["image_uint8"])
    with torch.no_grad():
        output = golden_model(variant)(torch.from_numpy(pixels))
    size = tuple(int(side) for side in files["ori_shape"])
    return files, output, ImageGeometry(padded_size=size, content_size=size, original_size=size), variant


def test_object_mode(panoptic):
    files, output, *_ = panoptic
    check_output(files, output)


def test_inner_layers(panoptic):
    files, _, _, variant = panoptic
    model = golden_model(variant)
    image = torch.from_numpy(normalise_and_pad(files["image_uint8"]).pixels)
    with torch.no_grad():
        maps = model.backbone(image)
        x5 = model.neck.laterals[0](maps[3])
        steering = model.neck.upsamplers[0].offset_conv(x5)
        deformed = model.neck.upsamplers[0].deform_conv(x5, steering[:, :18], steering[:, 18:].sigmoid())
    for level, feature_map in enumerate(maps, start=2):
        assert_close(
            f"res{level}", sampled(files, f"res{level}", feature_map), files[f"res{level}_smp"], 1e-4
        )
    prefix = "tap.neck.deconv."
    for key, tensor in {
        "lateral_conv0": x5,
        "deform_conv1.dcn_offset": steering,
        "deform_conv1.dcn": deformed,
    }.items():
        assert_close(key, sampled(files, prefix + key, tensor), files[prefix + key], 1e-4)


def test_panoptic_map(panoptic):
    files, output, geometry, _ = panoptic
    final = output.stages[-1]
    class_logits, mask_logits = final.class_logits[0].numpy(), final.mask_logits[0].numpy()
    for key, thresholds in {
        "panoptic": {},
        "panoptic_iou0.25_obj0.4": {"score_threshold": 0.4, "overlap_threshold": 0.25},
    }.items():
        result = panoptic_segmentation(class_logits, mask_logits, geometry, 80, **thresholds)
        assert np.mean(result.panoptic_map == files[key]) >= 0.999, key


def test_instances(panoptic):
    files, output, geometry, _ = panoptic
    final = output.stages[-1]
    result = instance_segmentation(final.class_logits[0].numpy(), final.mask_logits[0].numpy(), geometry, 80)
    assert_close("scores", result.scores, files["ins_scores"], 1e-2)
    assert np.array_equal(result.labels, files["ins_labels"])
    assert np.abs(result.masks.sum((1, 2)) - files["ins_masks_area"]).max() <= 20
    top = np.unpackbits(files["ins_masks_top_packed"], axis=1).astype(bool)
    ours = result.masks[: len(top)].reshape(len(top), -1)
    assert np.mean(ours == top[:, : ours.shape[1]]) >= 0.9995


@pytest.mark.parametrize(("name", "variant"), PROMPTED)
def test_prompt_mode(name, variant):
    files = golden(name)
    pixels, geometry = normalise_and_pad(
        files["image_uint8"], tuple(int(side) for side in files["ori_shape"])
    )
    prompts = files["points_xy"] if "points_xy" in files else files["boxes_xyxy"]
    with torch.no_grad():
        output = golden_model(variant)(
            torch.from_numpy(pixels),
            prompts=torch.from_numpy(prompts)[None],
            image_sizes=[geometry.content_size],
        )
    check_output(files, output, prompted=True)
    masks = interactive_masks(output.stages[-1].mask_logits[0].numpy(), geometry)
    shape = tuple(files["pred_masks_shape"])
    golden_masks = np.unpackbits(files["pred_masks_packed"], axis=1)[:, : shape[1] * shape[2]].reshape(shape)
    assert np.mean(masks == golden_masks.astype(bool)) >= 0.9995


def test_clip_mode():
    files = golden("vid_r18_T2_128x160")
    frames = np.concatenate([normalise_and_pad(frame).pixels for frame in files["frames_uint8"]])
    with torch.no_grad():
        output = golden_model("rapsam_r18", "ytvis_2019")(torch.from_numpy(frames), num_frames=len(frames))
    check_output(files, output)


@pytest.mark.parametrize("variant", ["r18", "r50"])
def test_state_dict_and_formula_are_the_published_ones(variant):
    state = golden_model(f"rapsam_{variant}").state_dict()
    published = {to_published(name): tensor for name, tensor in state.items()}
    shapes = json.loads((golden_folder() / f"state_dict_{variant}.json").read_text())
    assert {name: list(tensor.shape) for name, tensor in published.items()} == shapes
    checks = json.loads((golden_folder() / f"weights_check_{variant}.json").read_text())
    for name, check in checks.items():
        values = published[name].double().flatten()
        assert float(values.sum()) == pytest.approx(check["sum"], rel=1e-5, abs=1e-3), name
        assert float(values.abs().sum()) == pytest.approx(check["abssum"], rel=1e-5, abs=1e-6), name
        assert values[:4].tolist() == pytest.approx(check["first"], rel=1e-6, abs=1e-9), name


@pytest.mark.parametrize(
    ("vocabulary", "published"),
    [
        ("coco_panoptic", "CocoPanopticOVDataset"),
        ("ytvis_2019", "YouTubeVISDataset_2019"),
        ("joint", "Concat_CocoPanopticOVDataset_YouTubeVISDataset_2019"),
    ],
)
def test_text_classifier_by_formula(vocabulary, published):
    files = golden("text_classifier_check")
    prototypes = formula_classifier(vocabulary)
    assert list(prototypes.shape) == files[f"{published}.shape"].tolist()
    sample = prototypes.flatten()[:: int(files[f"{published}.step"])].numpy()
    assert_close(vocabulary, sample, files[f"{published}.smp"], 1e-6)
