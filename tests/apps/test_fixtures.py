"""The golden vectors of the apps: current, complete, and what the tasks return."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from apps.fixtures.make import all_cases
from apps.fixtures.store import Case, encode, write
from rapsam.data.orientation import EXIF_ORIENTATIONS
from rapsam.tasks.draw import draw_interactive
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.panoptic import panoptic_segmentation
from rapsam.tasks.preprocess import letterbox
from rapsam.tasks.prompt import interactive_masks, normalised_boxes, prompt_boxes
from rapsam.tasks.prompt_set import PromptSet
from rapsam.tasks.resize import to_original
from rapsam.tasks.tracker import match_queries
from tests.apps.vectors import FOLDER, assert_agrees, read_cases

LIMIT_BYTES = 2_000_000


def geometry(given):
    return ImageGeometry(
        **{name: tuple(given[name]) for name in ("padded_size", "content_size", "original_size")}
    )


def oriented(given):
    return {"displayed": EXIF_ORIENTATIONS[given["exif"]].applied(given["stored"])}


def letterboxed(given):
    fitted = letterbox(given["image"], tuple(given["size"]), tuple(given["pad_colour"]))
    return {"pixels": fitted.pixels, "content_size": list(fitted.geometry.content_size)}


def prompted(given):
    boxes = prompt_boxes(given["points"], given["boxes"], geometry(given), given["point_radius"])
    return {"boxes": boxes, "normalised": normalised_boxes(boxes, geometry(given))}


def enlarged(given):
    return {"enlarged": to_original(given["mask_logits"], geometry(given))}


def masked(given):
    return {"masks": interactive_masks(given["mask_logits"], geometry(given))}


def fused(given):
    result = panoptic_segmentation(
        given["class_logits"],
        given["mask_logits"],
        geometry(given),
        given["num_things"],
        score_threshold=given["score_threshold"],
        overlap_threshold=given["overlap_threshold"],
    )
    rows = [(each.id, each.class_index, each.is_thing, each.area, each.query) for each in result.segments]
    return {
        "panoptic_map": result.panoptic_map,
        "void": result.void,
        "segments": np.reshape(rows, (-1, 5)),
        "scores": [each.score for each in result.segments],
    }


def matched(given):
    return {"order": match_queries(given["previous"], given["current"])}


def shrunk(image, side):
    """Rows (h, ...) as Pillow makes another number of them: weights of 22 bits, rounded to bytes."""
    scale = len(image) / side
    reach, rows = max(scale, 1.0), []
    for centre in (np.arange(side) + 0.5) * scale:
        first, end = max(int(centre - reach + 0.5), 0), min(int(centre + reach + 0.5), len(image))
        shares = np.maximum(1 - np.abs((np.arange(first, end) + 0.5 - centre) / reach), 0)
        weights = (shares / shares.sum() * 2**22 + 0.5).astype(np.int64)
        rows.append((np.tensordot(weights, image[first:end].astype(np.int64), 1) + 2**21) >> 22)
    return np.array(rows, np.uint8)


def pillow_fitted(given):
    image, (height, width) = given["image"], given["size"]
    scale = min(height / image.shape[0], width / image.shape[1])
    content = [max(1, math.floor(side * scale + 0.5)) for side in image.shape[:2]]
    across = shrunk(image.swapaxes(0, 1), content[1]).swapaxes(0, 1)
    pixels = np.empty((1, 3, height, width), np.float32)
    pixels[:] = np.reshape(given["pad_colour"], (3, 1, 1))
    pixels[0, :, : content[0], : content[1]] = shrunk(across, content[0]).transpose(2, 0, 1)
    return {"pixels": pixels, "content_size": content}


def slotted(given):
    slots = given["max_points"] + (2 if given["takes_boxes"] else 1)
    (height, width), (rows, columns) = given["content_size"], given["original_size"]
    scale = np.array([width / columns, height / rows])
    filled = [([point], [1, -1]) for point in given["points"]]
    filled += [([box[:2], box[2:]], [2, 3]) for box in given["boxes"]]
    points, labels = np.zeros((1, len(filled), slots, 2)), np.full((1, len(filled), slots), -2)
    for place, (places, own) in enumerate(filled):
        points[0, place, : len(places)] = np.multiply(places, scale)
        labels[0, place, : len(own)] = own
    return {"points": points, "point_labels": labels}


def several_slotted(given):
    count = given["prompts"]
    slots = given["max_points"] + (2 if given["takes_boxes"] else 1)
    (height, width), (rows, columns) = given["content_size"], given["original_size"]
    scale = np.array([width / columns, height / rows])
    points, labels = np.zeros((1, count, slots, 2)), np.full((1, count, slots), -2)
    for prompt in range(count):
        own = [(positive, place) for at, positive, *place in given["points"] if at == prompt]
        box = [[(2, corners[:2]), (3, corners[2:])] for at, *corners in given["boxes"] if at == prompt]
        filled = own + (box[0] if box else [(-1, (0, 0))] * bool(own))
        for slot, (label, place) in enumerate(filled):
            points[0, prompt, slot], labels[0, prompt, slot] = np.multiply(place, scale), label
    found = {"points": points, "point_labels": labels}
    if not given["mask_stride"]:
        return found
    flags = np.array(given["masked"])
    masks = given["masks"] * flags[:, None, None]
    assert [side * given["mask_stride"] for side in masks.shape[1:]] == given["padded_size"]
    return found | {"mask_prompt": masks[None, :, None], "has_mask_prompt": flags[None]}


def chosen(given):
    logits = given["mask_logits"]
    enlarged = to_original(logits.reshape(-1, *logits.shape[2:]), geometry(given))
    core, reach = (np.count_nonzero(enlarged > level, axis=(1, 2)) for level in (1, -1))
    stability = (core / np.maximum(reach, 1)).reshape(given["iou"].shape)
    scores = {"iou": given["iou"], "stability": stability}[given["choice"]].copy()
    single, ambiguous = given["single"], np.array(given["ambiguous"], bool)
    if single < 0:
        return {"chosen": scores.argmax(axis=1), "stability": stability}
    scores[:, single] = -1
    return {"chosen": np.where(ambiguous, scores.argmax(axis=1), single), "stability": stability}


RUN = {
    "orientation": oriented,
    "letterbox": letterboxed,
    "prompt_boxes": prompted,
    "to_original": enlarged,
    "interactive_masks": masked,
    "panoptic": fused,
    "match_queries": matched,
    "longest_side": pillow_fitted,
    "point_slots": slotted,
    "prompt_slots": several_slotted,
    "chosen_candidates": chosen,
}


@pytest.fixture(scope="module")
def cases():
    return read_cases()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    write(all_cases(), folder)
    return folder


@pytest.mark.parametrize("function", RUN)
def test_read_by_another_reader_the_tasks_return_what_the_files_say(cases, function):
    checked = 0
    for case in cases:
        if case["function"] == function:
            found = RUN[function](case["given"])
            assert found.keys() == case["expected"].keys()
            for name, expected in case["expected"].items():
                assert_agrees(found[name], expected, f"{function} {case['name']}: {name}")
            checked += 1
    assert checked


def test_the_committed_files_are_what_the_program_makes_now(made):
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(path.name for path in made.iterdir())
    assert (FOLDER / "index.json").read_text() == (made / "index.json").read_text(), "run make fixtures"
    for old, new in zip(read_cases(), read_cases(made), strict=True):
        for side in ("given", "expected"):
            for name, value in new[side].items():
                assert_agrees(
                    old[side][name], value, f"{old['function']} {old['name']} {name}: make fixtures"
                )


def test_the_files_are_small_and_every_function_has_cases(cases):
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < LIMIT_BYTES
    counts = Counter(case["function"] for case in cases)
    assert counts["letterbox"] >= 10
    assert counts["panoptic"] >= 12
    assert counts["longest_side"] >= 10
    others = {"tracks", "palette", "line_width", "paint_masks", "paint_prompts", "prompt_spec"}
    assert counts.keys() == RUN.keys() | others


def test_claims_of_several_kinds_are_taken_and_refused(cases):
    (case,) = (case for case in cases if case["function"] == "prompt_spec")
    taken = dict(zip(map(tuple, case["given"]["claims"]), case["expected"]["taken"], strict=True))
    one_point = (0, 1, 0, 1, 0, 0, 3, 1, -1, -1)
    assert taken[one_point]
    for place, value in ((1, 2), (2, 1), (4, 1), (5, 1), (6, -1)):
        assert not taken[(*one_point[:place], value, *one_point[place + 1 :])]


def test_an_object_that_leaves_and_returns_keeps_its_number(cases):
    for case in cases:
        if case["function"] == "tracks":
            ends = np.cumsum(case["expected"]["counts"])
            frames = [set(found.tolist()) for found in np.split(case["expected"]["track_ids"], ends[:-1])]
            (left,) = frames[1] - frames[2]
            assert left not in frames[3]
            assert left in frames[4]


def test_a_case_of_an_unknown_type_or_with_a_taken_name_is_refused():
    with pytest.raises(ValueError, match="float64"):
        encode([Case("f", "a", {}, {"x": np.zeros(2)})])
    with pytest.raises(ValueError, match="same name"):
        encode([Case("f", "a", {}, {}), Case("f", "a", {}, {})])


def test_a_box_of_less_than_a_pixel_paints_no_pixel_outside_itself():
    image, nothing = np.zeros((20, 30, 3), np.uint8), np.zeros((1, 20, 30), bool)
    drawn = draw_interactive(image, nothing, PromptSet.of(boxes=[(0.0, 0.0, 0.4, 0.4)]))
    assert not drawn.any()
    drawn = draw_interactive(image, nothing, PromptSet.of(boxes=[(10.0, 10.0, 12.0, 13.0)]))
    assert np.count_nonzero(drawn.any(axis=2)) == 6
