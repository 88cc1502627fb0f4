from __future__ import annotations

import msgspec
import numpy as np
import pytest

from rapsam.data.prompt_results import candidate_records, prompt_records
from rapsam.data.rle import decode_mask
from rapsam.errors import InputError
from rapsam.tasks.prompt_set import Prompt, PromptSet

MASKS = np.zeros((3, 6, 8), bool)
MASKS[0, 1:3, 2:5] = MASKS[2, 0, 0] = True


def test_prompts():
    prompts = PromptSet.of([(3, 4.5)], [(0, 0, 5, 5), (1, 1, 4, 4)])
    records = prompt_records(prompts, MASKS, [0.5, 0.25, 0])
    assert [record.kind for record in records] == ["point", "box", "box"]
    assert [record.coordinates for record in records] == [(3, 4.5), (0, 0, 5, 5), (1, 1, 4, 4)]
    assert [record.predicted_iou for record in records] == [0.5, 0.25, 0]
    assert (records[0].bbox, records[0].area) == ((2, 1, 3, 2), 6)
    np.testing.assert_array_equal(decode_mask(records[2].segmentation), MASKS[2])
    assert set(msgspec.to_builtins(records[1])) == {
        *("kind", "coordinates", "predicted_iou"),
        *("bbox", "area", "segmentation"),
    }


def test_prompts_of_several_parts():
    prompt = Prompt(points=((1, 2), (3, 4)), positive=(True, False), box=(0, 0, 5, 5), mask=np.zeros((2, 2)))
    (record,) = prompt_records(PromptSet((prompt,)), MASKS[:1], [0.5])
    assert (record.kind, record.coordinates, record.box, record.mask) == ("object", None, (0, 0, 5, 5), True)
    assert [(point.x, point.y, point.positive) for point in record.points] == [(1, 2, True), (3, 4, False)]


def test_a_lone_point_beside_the_region_is_no_point_of_it():
    (record,) = prompt_records(PromptSet((Prompt(points=((1, 2),), positive=(False,)),)), MASKS[:1], [0.5])
    assert record.kind == "object"


def test_candidates_keep_their_numbers():
    found = candidate_records(MASKS, [0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [2, 0])
    assert [(each.candidate, each.area) for each in found] == [(2, 1), (0, 6)]
    assert [(each.predicted_iou, each.stability) for each in found] == [(0.3, 0.6), (0.1, 0.4)]


def test_prompts_without_masks_are_refused():
    with pytest.raises(InputError, match="3 masks for 2 prompts"):
        prompt_records(PromptSet.of([(1, 1)], [(0, 0, 5, 5)]), MASKS, [0, 0, 0])
