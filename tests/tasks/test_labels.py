from __future__ import annotations

import json

import pytest

from rapsam.errors import InputError
from rapsam.tasks.labels import Label, LabelSet, find_label_set, label_sets
from tests.golden_files import golden_folder


@pytest.mark.parametrize(
    ("name", "classes", "things"), [("coco_panoptic", 133, 80), ("ytvis_2019", 40, 40), ("joint", 155, 102)]
)
def test_sizes(name, classes, things):
    found = find_label_set(name)
    assert (len(found.labels), found.num_things) == (classes, things)


def test_names_are_the_first_synonyms():
    classes = json.loads((golden_folder() / "classes.json").read_text())
    joint = classes["concat_things"] + classes["concat_stuff"]
    expected = {
        "coco_panoptic": classes["coco_classes"],
        "ytvis_2019": [joint[place] for place in classes["yt19_to_concat"]],
        "joint": joint,
    }
    for name, synonyms in expected.items():
        names = [label.name for label in find_label_set(name).labels]
        assert names == [entry.split(",")[0] for entry in synonyms]


def test_official_category_ids_of_coco():
    ids = {label.name: label.category_id for label in find_label_set("coco_panoptic").labels}
    assert ids["person"] == 1
    assert ids["toothbrush"] == 90
    assert ids["banner"] == 92
    assert ids["sky"] == 187
    assert ids["rug"] == 200


def test_names_within_a_set_differ():
    for found in label_sets().values():
        assert len({label.name for label in found.labels}) == len(found.labels)


def test_unknown_set_names_the_near_ones():
    with pytest.raises(InputError, match="coco_panoptic"):
        find_label_set("coco_panoptc")


def label(is_thing, category_id=1):
    return Label(name="x", is_thing=is_thing, category_id=category_id)


@pytest.mark.parametrize("labels", [(), (label(False), label(True, 2)), (label(True), label(True))])
def test_bad_sets_are_refused(labels):
    with pytest.raises(InputError, match="label set 'own'"):
        LabelSet(name="own", labels=labels)
