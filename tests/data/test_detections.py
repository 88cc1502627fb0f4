from __future__ import annotations

import json

import pytest

from rapsam.data.detections import PER_IMAGE, read_detections
from rapsam.errors import InputError

ENTRY = {"image_id": 7, "category_id": 1, "bbox": [1, 2, 30.5, 4], "score": 0.5}


def read(folder, *entries):
    path = folder / "boxes.json"
    path.write_text(json.dumps(list(entries)))
    return read_detections(path)


def test_the_best_boxes_of_each_image_come_first(tmp_path):
    found = read(tmp_path, ENTRY, ENTRY | {"score": 0.75, "segmentation": None}, ENTRY | {"image_id": "b"})
    assert list(found) == [7, "b"]
    assert found[7].scores.tolist() == [0.75, 0.5]
    assert found[7].boxes.tolist() == [[1, 2, 31.5, 6]] * 2
    many = read(tmp_path, *(ENTRY | {"score": place / 200} for place in range(200)))
    assert len(many[7].scores) == PER_IMAGE
    assert many[7].scores.min() == 0.5


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("[]", "has no detections"),
        ("{}", "cannot read"),
        ("[1]", "cannot read"),
        (json.dumps([{key: value for key, value in ENTRY.items() if key != "score"}]), "`score`"),
        (json.dumps([ENTRY | {"bbox": [1, 2, 3]}]), "length 4"),
        (json.dumps([ENTRY | {"score": 1e300}]), "cannot read"),
        (json.dumps([ENTRY]).replace("30.5", "NaN"), "cannot read"),
        ("[" * 100_000, "cannot read"),
    ],
)
def test_other_files_are_refused(text, says, tmp_path):
    path = tmp_path / "boxes.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_detections(path)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none.json does not exist"):
        read_detections(tmp_path / "none.json")
