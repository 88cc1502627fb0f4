"""YouTube-VIS 2019: what is read, and every way in which the files can be wrong."""

from __future__ import annotations

import numpy as np
import pytest

from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.kinds import open_source
from rapsam.errors import InputError
from tests.data.sources.tiny_sets import (
    SIZE,
    TRACK_MASKS,
    compressed,
    edit_json,
    refusal,
    uncompressed,
    write_photo,
    write_youtube_vis,
)

JSON = "train.json"


@pytest.fixture
def root(tmp_path):
    write_youtube_vis(tmp_path)
    return tmp_path


def refused(root, change):
    """Changes the annotation file and reads the first video; gives the error."""
    edit_json(root / JSON, change)
    return refusal(open_source("youtube_vis_2019", root, "train"))


@pytest.mark.parametrize("beside", [True, False])
def test_both_published_layouts_are_read(tmp_path, beside):
    pixels = write_youtube_vis(tmp_path, "valid", beside=beside)
    source = open_source("youtube_vis_2019", tmp_path, "valid")
    assert (source.name, len(source)) == ("youtube_vis_2019 valid", 2)
    assert [source.num_frames(index) for index in range(2)] == [3, 1]
    assert [label.name for label in source.label_set.labels] == ["person", "giant panda", "sedan"]
    clip = source.read(0)
    assert (clip.name, clip.key) == ("0043f083b5", 1)
    np.testing.assert_array_equal(clip.frames, pixels)
    np.testing.assert_array_equal(clip.masks, TRACK_MASKS)
    assert clip.classes.tolist() == [1, 2]
    assert clip.ids.tolist() == [1, 2]
    assert not clip.crowd.any()


def test_named_frames_keep_all_objects_in_place(root):
    pixels = write_youtube_vis(root)
    clip = open_source("youtube_vis_2019", root, "train").read(0, [2, 1, 1])
    np.testing.assert_array_equal(clip.frames, pixels[[2, 1, 1]])
    np.testing.assert_array_equal(clip.masks, TRACK_MASKS[:, [2, 1, 1]])


@pytest.mark.parametrize("frames", [[], [3], [0, -1]])
def test_frames_that_do_not_exist(root, frames):
    with pytest.raises(InputError, match=r"of 0043f083b5; expected at least one, each in 0\.\.2"):
        open_source("youtube_vis_2019", root, "train").read(0, frames)


def test_a_video_without_objects_is_a_clip_of_none(root):
    assert open_source("youtube_vis_2019", root, "train").read(1).masks.shape == (0, 1, *SIZE)


@pytest.mark.parametrize("annotations", [None, []])
def test_a_split_whose_annotations_are_kept_back(root, annotations):
    edit_json(root / JSON, lambda content: content.update(annotations=annotations))
    assert len(open_source("youtube_vis_2019", root, "train").read(0).ids) == 0
    edit_json(root / JSON, lambda content: content.pop("annotations"))
    assert len(open_source("youtube_vis_2019", root, "train").read(0).ids) == 0


def test_compressed_runs_are_read_too(root):
    def change(content):
        content["annotations"][0]["segmentations"][1] = compressed(TRACK_MASKS[0, 1])

    edit_json(root / JSON, change)
    clip = open_source("youtube_vis_2019", root, "train").read(0)
    np.testing.assert_array_equal(clip.masks, TRACK_MASKS)


def test_crowds_are_marked(root):
    edit_json(root / JSON, lambda content: content["annotations"][1].update(iscrowd=1))
    clip = open_source("youtube_vis_2019", root, "train").read(0)
    assert clip.crowd.tolist() == [False, True]


def test_runs_of_another_size_or_number(root):
    def turn(content):
        content["annotations"][1]["segmentations"][2] = uncompressed(TRACK_MASKS[1, 2].T)

    error = refused(root, turn)
    assert error.kind == "wrong size"
    assert f"{JSON}: annotations[1].segmentations[2].size is [32, 24]; expected [24, 32]" in str(error)
    error = refused(root, lambda content: content["annotations"][0]["segmentations"].pop())
    assert error.kind == "wrong number of masks"
    assert f"{JSON}: annotations[0].segmentations has 2 entries; expected 3, one per frame" in str(error)


def test_outlines_that_are_none(root):
    def change(content):
        content["annotations"][0]["segmentations"][1] = {"size": [24, 32]}

    error = refused(root, change)
    assert error.kind == "invalid outline"
    assert "annotations[0].segmentations: Object missing required field `counts` - at `$[1]`" in str(error)
    error = refused(root, lambda content: content["annotations"][0].update(segmentations=None))
    assert "annotations[0].segmentations: Expected `array`, got `null`" in str(error)


def test_the_stated_length_must_be_the_number_of_frames(root):
    error = refused(root, lambda content: content["videos"][0].update(length=4))
    assert f"{JSON}: videos[0].length is 4 and file_names has 3" in str(error)
    error = refused(root, lambda content: content["videos"][0].update(length=0, file_names=[]))
    assert "videos[0].length is 0 and file_names has 0; expected the same number, at least 1" in str(error)


def test_a_category_that_is_not_listed(root):
    error = refused(root, lambda content: content["annotations"][1].update(category_id=41))
    assert error.kind == "unknown category"
    assert f"{JSON}: annotations[1].category_id is 41" in str(error)


def test_repeated_ids(root):
    error = refused(root, lambda content: content["annotations"][1].update(id=1))
    assert (error.kind, "annotations[0].id 1 stands" in str(error)) == ("repeated id", True)
    error = refused(root, lambda content: content["videos"][1].update(id=1))
    assert (error.kind, "videos[0].id 1 stands" in str(error)) == ("repeated id", True)


def test_objects_of_videos_that_are_not_listed_are_told_apart(root):
    edit_json(root / JSON, lambda content: content["annotations"][1].update(video_id=8))
    source = open_source("youtube_vis_2019", root, "train")
    assert source.read(0).ids.tolist() == [1]
    assert [stray.kind for stray in source.strays()] == ["stray annotation"]


def test_only_the_named_frames_need_be_whole(root):
    path = root / "train/JPEGImages/0043f083b5/00005.jpg"
    path.write_bytes(path.read_bytes()[:300])
    source = open_source("youtube_vis_2019", root, "train")
    assert source.read(0, [0, 2]).frames.shape == (2, *SIZE, 3)
    with pytest.raises(DataSetError, match=r"00005\.jpg is damaged or truncated") as caught:
        source.read(0)
    assert caught.value.kind == "damaged file"
    path.unlink()
    with pytest.raises(DataSetError, match=r"00005\.jpg does not exist"):
        source.read(0, [1])
    write_photo(path, 0, (12, 16))
    with pytest.raises(DataSetError, match=r"00005\.jpg has 16x12 stored px"):
        source.read(0, [1])


def test_frames_must_lie_in_the_folder(root):
    edit_json(root / JSON, lambda content: content["videos"][0]["file_names"].insert(1, "../../x.jpg"))
    edit_json(root / JSON, lambda content: content["videos"][0]["file_names"].pop())
    with pytest.raises(DataSetError, match=r"videos\[0\]\.file_names\[1\] is '\.\./\.\./x\.jpg'") as caught:
        open_source("youtube_vis_2019", root, "train").read(0)
    assert caught.value.kind == "unsafe file name"


def test_no_annotation_file(tmp_path):
    with pytest.raises(InputError, match=r"expected .*, or train\.json and train/JPEGImages in it"):
        open_source("youtube_vis_2019", tmp_path, "train")
