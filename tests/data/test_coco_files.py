from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

from rapsam.data.coco import panoptic_png, panoptic_segments, write_panoptic
from rapsam.data.images import read_image
from rapsam.errors import InputError
from rapsam.tasks.labels import LabelSet, find_label_set
from rapsam.tasks.panoptic import PanopticResult, SegmentInfo

LABELS = find_label_set("coco_panoptic")


@pytest.fixture
def result():
    panoptic_map = np.full((6, 8), 133, np.int32)
    panoptic_map[0:2, 1:5], panoptic_map[3:, 6:], panoptic_map[5, 0] = 1000, 119, 2002
    values = {1000: (0, 8), 119: (119, 6), 2002: (2, 1)}
    segments = tuple(
        SegmentInfo(id=value, class_index=label, is_thing=value >= 1000, score=0.5, area=area, query=0)
        for value, (label, area) in values.items()
    )
    return PanopticResult(panoptic_map=panoptic_map, segments=segments, void=133)


def test_files_of_a_result(tmp_path, result):
    json_path = write_panoptic(tmp_path / "a.png", result, LABELS, "photo.jpg")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.png"]
    content = json.loads(json_path.read_text())
    assert content["images"] == [{"id": 1, "file_name": "photo.jpg", "height": 6, "width": 8}]
    assert content["annotations"][0]["file_name"] == "a.png"
    assert len(content["categories"]) == 133
    person, sky, car = content["annotations"][0]["segments_info"]
    assert person == {
        "id": 1, "category_id": 1, "isthing": 1, "bbox": [1, 0, 4, 2], "area": 8, "score": 0.5
    }  # fmt: skip
    assert (sky["category_id"], sky["isthing"], sky["bbox"]) == (187, 0, [6, 3, 2, 3])
    assert (car["category_id"], car["bbox"], car["area"]) == (3, [0, 5, 1, 1], 1)


def test_png_holds_the_ids(tmp_path, result):
    json_path = write_panoptic(tmp_path / "a.png", result, LABELS, "photo.jpg")
    pixels = np.asarray(Image.open(tmp_path / "a.png")).astype(int)
    ids = pixels[..., 0] + 256 * pixels[..., 1] + 65_536 * pixels[..., 2]
    np.testing.assert_array_equal(ids == 0, result.panoptic_map == 133)
    for segment in json.loads(json_path.read_text())["annotations"][0]["segments_info"]:
        assert np.count_nonzero(ids == segment["id"]) == segment["area"]


def test_large_ids_use_all_channels(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(panoptic_png(np.array([[0, 255], [256, 65_536 + 512 + 3]], np.int32)))
    assert read_image(path).tolist() == [[[0, 0, 0], [255, 0, 0]], [[0, 1, 0], [3, 2, 1]]]


def test_nothing_found(tmp_path):
    empty = PanopticResult(panoptic_map=np.full((6, 8), 133, np.int32), segments=(), void=133)
    json_path = write_panoptic(tmp_path / "a.png", empty, LABELS, "photo.jpg")
    assert json.loads(json_path.read_text())["annotations"][0]["segments_info"] == []
    assert not np.asarray(Image.open(tmp_path / "a.png")).any()


def test_foreign_label_set_is_refused(result):
    few = LabelSet(name="few", labels=LABELS.labels[:5])
    with pytest.raises(InputError, match="result of 133 classes with label set 'few' of 5"):
        panoptic_segments(result, few)
