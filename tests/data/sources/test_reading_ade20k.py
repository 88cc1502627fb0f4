"""ADE20K panoptic as Mask2Former's preparation makes it."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.data.sources.kinds import open_source
from tests.data.sources.tiny_sets import ADE_IDS, edit_json, write_ade20k, write_ids


@pytest.mark.parametrize("split", ["train", "val"])
def test_regions_that_were_painted_over_are_dropped(tmp_path, split):
    pixels = write_ade20k(tmp_path, split)
    source = open_source("ade20k_panoptic", tmp_path, split)
    assert (source.name, len(source)) == (f"ade20k_panoptic {split}", 1)
    clip = source.read(0)
    np.testing.assert_array_equal(clip.frames[0], pixels)
    assert clip.ids.tolist() == [10, 20, 30]
    np.testing.assert_array_equal(clip.masks[:, 0], clip.ids[:, None, None] == ADE_IDS)
    names = [source.label_set.labels[index].name for index in clip.classes]
    assert names == ["wall", "person", "car"]


def test_names_for_ids_are_numbered_and_kept_as_name(tmp_path):
    write_ade20k(tmp_path)
    clip = open_source("ade20k_panoptic", tmp_path, "train").read(0)
    assert (clip.name, clip.key) == ("ADE_train_00000001.jpg", 0)


def test_things_come_before_stuff_whatever_their_ids(tmp_path):
    write_ade20k(tmp_path)
    labels = open_source("ade20k_panoptic", tmp_path, "train").label_set
    assert [label.name for label in labels.labels] == ["window", "person", "car", "wall", "sky"]
    assert [label.category_id for label in labels.labels] == [8, 12, 20, 0, 2]
    assert labels.num_things == 3


def test_other_faults_are_faults_here_too(tmp_path):
    write_ade20k(tmp_path)
    ids = ADE_IDS.copy()
    ids[20, 20] = 11
    write_ids(tmp_path / "ade20k_panoptic_train/ADE_train_00000001.png", ids)
    (fault,) = open_source("ade20k_panoptic", tmp_path, "train").read(0).faults
    assert "ADE_train_00000001.png has pixels of id 11" in str(fault)
    edit_json(
        tmp_path / "ade20k_panoptic_train.json",
        lambda content: content["annotations"][0]["segments_info"][1].update(id=10),
    )
    (fault, _) = open_source("ade20k_panoptic", tmp_path, "train").read(0).faults
    assert "segments_info[1].id is 10 again" in str(fault)
