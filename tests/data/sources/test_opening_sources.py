"""Opening data sets by kind, and errors that have to leave worker processes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.kinds import SOURCES, open_source, splits_in
from rapsam.errors import InputError
from tests.data.sources.tiny_sets import (
    write_ade20k,
    write_coco_instances,
    write_coco_panoptic,
    write_sa1b,
    write_vipseg,
    write_youtube_vis,
)

WRITERS = {
    "coco_panoptic": (write_coco_panoptic, "val"),
    "coco_instances": (write_coco_instances, "val"),
    "youtube_vis_2019": (write_youtube_vis, "train"),
    "ade20k_panoptic": (write_ade20k, "train"),
    "vipseg": (write_vipseg, "val"),
    "sa1b": (write_sa1b, "train"),
}


def test_unknown_kinds_are_refused(tmp_path):
    with pytest.raises(InputError, match="unknown kind of data set 'coco'; did you mean coco_"):
        open_source("coco", tmp_path, "val")


def test_the_root_must_be_a_folder(tmp_path):
    with pytest.raises(InputError, match=r"none does not exist; expected the folder of a data set"):
        open_source("coco_panoptic", tmp_path / "none", "val")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file is a file; expected the folder of a data set"):
        open_source("coco_panoptic", tmp_path / "file", "val")


@pytest.mark.parametrize(
    ("kind", "split", "needed"),
    [
        ("coco_panoptic", "val", "annotations/panoptic_val2017.json"),
        ("youtube_vis_2019", "train", "train/instances.json, or train.json and train/JPEGImages"),
        ("sa1b", "val", "val.txt"),
    ],
)
def test_a_folder_without_the_split_says_what_should_be_in_it(kind, split, needed, tmp_path):
    """As of images alone."""
    (tmp_path / "val2017").mkdir()
    with pytest.raises(InputError) as caught:
        open_source(kind, tmp_path, split)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path} is not the folder of a {kind} data set with a split {split!r}")
    assert needed in message
    assert "would read" not in message


def test_the_folder_above_is_named_if_the_data_set_is_there(tmp_path):
    write_coco_panoptic(tmp_path, "train")
    with pytest.raises(InputError) as caught:
        open_source("coco_panoptic", tmp_path / "annotations", "train")
    told = f"--data {tmp_path} --kind coco_panoptic --split train"
    assert str(caught.value).endswith(f"the folder above holds what {told} would read")


def test_splits_are_recognised_by_their_files(tmp_path):
    write_coco_panoptic(tmp_path, "train")
    write_youtube_vis(tmp_path, "valid", beside=False)
    (tmp_path / "test.json").write_text("{}")
    found = {kind: splits_in(kind, tmp_path) for kind in SOURCES}
    assert {kind: splits for kind, splits in found.items() if splits} == {
        "coco_panoptic": ["train"],
        "youtube_vis_2019": ["valid"],
    }


def test_errors_survive_the_way_out_of_a_process():
    error = pickle.loads(pickle.dumps(DataSetError("wrong size", "a.jpg is small")))
    assert (error.kind, str(error)) == ("wrong size", "a.jpg is small")


@pytest.mark.parametrize("kind", SOURCES)
def test_readers_can_be_sent_to_other_processes(tmp_path, kind):
    write, split = WRITERS[kind]
    write(tmp_path)
    source = open_source(kind, tmp_path, split)
    sent = pickle.loads(pickle.dumps(source))
    assert (sent.name, sent.label_set, len(sent)) == (source.name, source.label_set, len(source))
    for ours, theirs in zip(source.read(0), sent.read(0), strict=True):
        np.testing.assert_array_equal(ours, theirs)
