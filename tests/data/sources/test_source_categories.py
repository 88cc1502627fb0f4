"""Label sets of annotation files, and mapping classes to those of a model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rapsam.data.coco_records import Category
from rapsam.data.sources.categories import COCO_NAMES, label_mapping, label_set_of
from rapsam.errors import InputError
from rapsam.tasks.labels import Label, LabelSet, find_label_set
from tests.golden_files import golden_folder

FILE = Path("some.json")


def things(*names, first=1):
    return LabelSet(
        name="own",
        labels=tuple(
            Label(name=name, is_thing=True, category_id=place)
            for place, name in enumerate(names, start=first)
        ),
    )


def test_the_official_names_of_coco_give_the_package_s_label_set():
    official = [
        Category(
            id=label.category_id,
            name=COCO_NAMES.get(label.category_id, label.name),
            isthing=int(label.is_thing),
        )
        for label in find_label_set("coco_panoptic").labels
    ]
    assert len({category.name for category in official} & {"remote", "net", "light", "rug-merged"}) == 4
    assert label_set_of(FILE, "coco_panoptic", official[::-1]) is find_label_set("coco_panoptic")


def test_the_official_names_of_youtube_vis_give_the_package_s_label_set():
    official = [
        Category(id=label.category_id, name=label.name.replace(" ", "_"))
        for label in find_label_set("ytvis_2019").labels
    ]
    assert "giant_panda" in {category.name for category in official}
    assert label_set_of(FILE, "youtube_vis_2019", official) is find_label_set("ytvis_2019")


def test_fewer_classes_are_a_label_set_of_their_own():
    labels = label_set_of(
        FILE, "coco_panoptic", [Category(id=75, name="remote"), Category(id=1, name="cube")]
    )
    assert labels.name == "coco_panoptic (2 classes)"
    assert [label.name for label in labels.labels] == ["cube", "tv remote"]


def test_other_data_sets_keep_names_that_coco_has_under_another_id():
    labels = label_set_of(
        FILE, "ade20k_panoptic", [Category(id=82, name="light"), Category(id=3, name="net")]
    )
    assert [label.name for label in labels.labels] == ["net", "light"]


def test_classes_are_mapped_by_name():
    mapping = label_mapping(things("cat", "whale", "dog"), things("dog", "cat", first=7))
    assert mapping.tolist() == [1, -1, 0]
    assert mapping.dtype == np.int64


def test_nothing_in_common_is_an_error():
    with pytest.raises(
        InputError, match=r"no class of 'own', such as 'cat\?', is in label set 'coco_panoptic'"
    ):
        label_mapping(things("cat?", "whale"), find_label_set("coco_panoptic"))


@pytest.mark.parametrize(
    ("name", "published"), [("coco_panoptic", "coco_to_concat"), ("ytvis_2019", "yt19_to_concat")]
)
def test_joint_training_maps_as_the_original_does(name, published):
    mapping = label_mapping(find_label_set(name), find_label_set("joint"))
    classes = json.loads((golden_folder() / "classes.json").read_text())
    assert mapping.tolist() == classes[published]


def test_joint_classes_map_back_to_one_data_set():
    mapping = label_mapping(find_label_set("joint"), find_label_set("ytvis_2019"))
    assert np.count_nonzero(mapping >= 0) == 40
