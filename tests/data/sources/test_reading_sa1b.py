"""SA-1B: what is read, which images a split has, and every way in which its files can be wrong."""

from __future__ import annotations

import json
import os
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from rapsam.data.rle import encode_mask
from rapsam.data.sources import sa1b, sa1b_index
from rapsam.data.sources.annotated import bare_clip
from rapsam.data.sources.check import SAMPLE, check_below
from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.kinds import data_key, open_annotated, open_source, splits_in
from rapsam.data.sources.orientation import Described
from rapsam.data.sources.sa1b_index import open_index
from rapsam.errors import InputError
from tests.data.sources.tiny_sets import (
    REGION_IDS,
    REGION_MASKS,
    SIZE,
    compressed,
    edit_json,
    refusal,
    write_coco_instances,
    write_photo,
    write_sa1b,
    write_sa1b_image,
)

SECOND = "sa_10.json"


@pytest.fixture
def root(tmp_path):
    write_sa1b(tmp_path)
    return tmp_path


def refused(root, change):
    """Changes the annotations of the second image, with the first one gone; gives the error."""
    for path in root.glob("sa_9.*"):
        path.unlink()
    edit_json(root / SECOND, change)
    return refusal(open_source("sa1b", root, "train"))


def names(source):
    return [source.read(index).name for index in range(len(source))]


def test_regions_within_regions_are_read_in_the_order_of_numbers(root):
    pixels = write_sa1b(root)
    source = open_annotated("sa1b", root, "train")
    assert (source.name, len(source), source.num_frames(1)) == ("sa1b train", 2, 1)
    assert [(label.name, label.is_thing) for label in source.label_set.labels] == [("region", True)]
    assert source.contents() == (2, 0, 3)
    assert list(source.strays()) == []
    first, second = (source.read(index) for index in range(2))
    assert (first.name, first.key, len(first.masks)) == ("sa_9.jpg", 9, 0)
    assert (second.name, second.key, second.faults) == ("sa_10.jpg", 10, ())
    np.testing.assert_array_equal(np.concatenate([first.frames, second.frames]), pixels)
    np.testing.assert_array_equal(second.masks[:, 0], REGION_MASKS)
    assert (second.masks.sum(axis=0) > 1).any()  # or nothing would be shown of regions within regions
    assert second.classes.tolist() == [0, 0, 0]
    assert second.crowd.tolist() == [False] * 3
    assert second.ids.tolist() == REGION_IDS
    assert source.read(1, [0, 0]).masks.shape == (3, 2, *SIZE)


def test_an_image_is_read_without_its_regions_where_nobody_asks_for_them(root, monkeypatch):
    source = open_source("sa1b", root, "train")
    whole = source.read(1)
    # Nothing of the outlines is looked at: not even whether they are some.
    edit_json(root / SECOND, lambda content: content["annotations"][0].update(segmentation=None))
    monkeypatch.setattr("rapsam.data.sources.sa1b.outline_mask", None)
    bare = bare_clip(source, 1)
    np.testing.assert_array_equal(bare.frames, whole.frames)
    assert (bare.name, bare.key, bare.masks.shape, bare.faults) == ("sa_10.jpg", 10, (0, 1, *SIZE), ())
    assert len(bare.classes) == len(bare.crowd) == len(bare.ids) == 0


def test_other_sources_read_all(tmp_path):
    write_coco_instances(tmp_path)
    assert len(bare_clip(open_source("coco_instances", tmp_path, "val"), 0).masks) == 3


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=3), st.integers(2, 9))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_mask_comes_back_from_its_run_lengths(tmp_path, drawn, width):
    bits = [np.unpackbits(np.frombuffer(data, np.uint8)) for data in drawn]
    height = max(2, max(map(len, bits)) // width)
    masks = np.stack([np.resize(each, (height, width)) for each in bits]).astype(bool)
    with (tmp_path / "sa_1.json").open("w") as file:
        json.dump(
            {
                "image": {"image_id": 1, "file_name": "sa_1.jpg", "height": height, "width": width},
                "annotations": [
                    {"id": place, "segmentation": {"size": [height, width], "counts": encode_mask(m).counts}}
                    for place, m in enumerate(masks)
                ],
            },
            file,
        )
    write_photo(tmp_path / "sa_1.jpg", 0, (height, width))
    clip = open_source("sa1b", tmp_path, "train").read(0)
    assert clip.faults == ()
    np.testing.assert_array_equal(clip.masks[:, 0], masks)


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_code_gives_a_mask_or_a_fault(tmp_path, code):
    if not (tmp_path / SECOND).exists():
        write_sa1b_image(tmp_path, 10, REGION_MASKS)
    edit_json(
        tmp_path / SECOND, lambda content: content["annotations"][0]["segmentation"].update(counts=code)
    )
    clip = open_source("sa1b", tmp_path, "train").read(0)
    assert len(clip.masks) + len(clip.faults) == 3
    np.testing.assert_array_equal(clip.masks[-2:, 0], REGION_MASKS[1:])
    assert {fault.kind for fault in clip.faults} <= {"invalid outline"}


@pytest.mark.parametrize(
    ("outline", "kind", "says"),
    [
        (None, "invalid outline", "segmentation: Expected `object | array`, got `null`"),
        ([[]], "invalid outline", "segmentation[0] has 0 numbers"),
        ({"size": [24, 32]}, "invalid outline", "segmentation: Object missing required field `counts`"),
        ({"size": [24, 32], "counts": ""}, "invalid outline", "is not COCO's code of run lengths"),
        ({"size": [24, 32], "counts": "32"}, "invalid outline", "segmentation.counts covers 5 px"),
        ({"size": [24, 32], "counts": "0" * 9000}, "invalid outline", "expected at most 1,540"),
        ({"size": [0, 32], "counts": "0"}, "invalid outline", "Expected `int` >= 1"),
        (compressed(REGION_MASKS[0].T), "wrong size", "size is [32, 24]; expected [24, 32]"),
    ],
)
def test_outlines_that_are_none(root, outline, kind, says):
    error = refused(root, lambda content: content["annotations"][0].update(segmentation=outline))
    assert (error.kind, says in str(error)) == (kind, True), error
    assert f"{SECOND}: annotations[0].segmentation" in str(error)
    assert open_source("sa1b", root, "train").read(0).ids.tolist() == REGION_IDS[1:]


def test_repeated_ids_and_entries_without_one_are_left_out(root):
    def change(content):
        content["annotations"][1]["id"] = REGION_IDS[0]
        del content["annotations"][2]["id"]

    error = refused(root, change)
    assert (error.kind, f"annotations[0].id {REGION_IDS[0]} stands" in str(error)) == ("repeated id", True)
    clip = open_source("sa1b", root, "train").read(0)
    assert len(clip.masks) == 0
    assert [fault.kind for fault in clip.faults] == ["repeated id", "repeated id", "invalid entry"]
    assert "annotations[2]: Object missing required field `id`" in str(clip.faults[2])


def test_nan_in_fields_that_nobody_reads_is_taken_and_in_others_it_is_a_fault(root):
    def change(content):
        content["annotations"][0].update(predicted_iou=float("nan"), bbox=[float("inf")] * 4)
        content["annotations"][1].update(id=float("nan"))

    edit_json(root / SECOND, change)
    clip = open_source("sa1b", root, "train").read(1)
    assert clip.ids.tolist() == [REGION_IDS[0], REGION_IDS[2]]
    assert [fault.kind for fault in clip.faults] == ["invalid entry"]


@pytest.mark.parametrize(
    ("field", "value", "kind", "says"),
    [
        ("file_name", "sa_9.jpg", "invalid entry", "is 'sa_9.jpg'; expected 'sa_10.jpg', beside it"),
        ("file_name", "../sa_10.jpg", "unsafe file name", "is '../sa_10.jpg'; expected the name of a file"),
        ("file_name", "/etc/passwd", "unsafe file name", "'/etc/passwd'"),
        ("width", 33, "wrong size", "32x24 stored px; expected width 33"),
        ("width", 0, "damaged file", "Expected `int` >= 1"),
        ("height", float("nan"), "damaged file", "Expected `int`, got `null` - at `$.image.height`"),
        ("width", 10**9, "damaged file", "Expected `int` <= 16384"),
    ],
)
def test_what_makes_an_image_unusable_leaves_the_others(root, field, value, kind, says):
    def change(content):
        content["image"][field] = value
        content["annotations"].clear()

    edit_json(root / SECOND, change)
    source = open_source("sa1b", root, "train")
    with pytest.raises(DataSetError) as caught:
        source.read(1)
    assert (caught.value.kind, says in str(caught.value)) == (kind, True), caught.value
    assert source.read(0).key == 9


def test_files_that_are_missing_damaged_or_elsewhere(root, tmp_path_factory):
    source = open_source("sa1b", root, "train")
    outside = tmp_path_factory.mktemp("outside") / "sa_10.jpg"
    (root / "sa_10.jpg").rename(outside)
    for write, kind in (
        (lambda _: None, "missing file"),
        (lambda path: path.write_bytes(outside.read_bytes()[:300]), "damaged file"),
        (lambda path: path.symlink_to(outside), "unsafe file name"),
    ):
        (root / "sa_10.jpg").unlink(missing_ok=True)
        write(root / "sa_10.jpg")
        with pytest.raises(DataSetError) as caught:
            source.read(1)
        assert caught.value.kind == kind
    (root / "sa_10.jpg").unlink()
    for write, kind in (
        (lambda path: path.unlink(), "missing file"),
        (lambda path: path.write_text("[]"), "damaged file"),
        (lambda path: path.write_text('{"image": '), "damaged file"),
    ):
        write(root / SECOND)
        with pytest.raises(DataSetError) as caught:
            source.check(1)
        assert caught.value.kind == kind


def test_annotations_of_an_image_have_a_limit(root, monkeypatch):
    monkeypatch.setattr("rapsam.data.sources.sa1b._MOST_BYTES", 100)
    with pytest.raises(DataSetError, match=r"sa_10\.json has .* expected at most 100") as caught:
        open_source("sa1b", root, "train").read(1)
    assert caught.value.kind == "too large"


def test_masks_that_would_fill_the_memory_are_refused(root):
    def change(content):
        content["image"].update(width=4000, height=4000)
        runs = {"size": [4000, 4000], "counts": [16_000_000]}
        content["annotations"] = [{"id": place, "segmentation": runs} for place in range(300)]

    edit_json(root / SECOND, change)
    write_photo(root / "sa_10.jpg", 0, (4000, 4000))
    with pytest.raises(DataSetError, match=r"sa_10\.json: 300 masks of 1 frames of 4000x4000 px"):
        open_source("sa1b", root, "train").read(1)


def test_a_list_says_which_images_a_split_has(root):
    write_sa1b_image(root / "sa_000020", 3)
    write_sa1b_image(root / "sa_000003", 200)
    (root / "train.txt").write_text("sa_10.jpg\nsa_000020/sa_3.jpg\r\n./sa_000003/sa_200.jpg\n")
    (root / "val.txt").write_text("sa_9.jpg")
    assert splits_in("sa1b", root) == ["train", "val"]
    train = open_source("sa1b", root, "train")
    assert names(train) == ["sa_10.jpg", "sa_000003/sa_200.jpg", "sa_000020/sa_3.jpg"]
    assert names(open_source("sa1b", root, "val")) == ["sa_9.jpg"]
    with pytest.raises(InputError, match=r"small\.txt does not exist"):
        open_source("sa1b", root, "small")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sa_9.jpg\n../sa_10.jpg\n", "line 2 is '../sa_10.jpg'; expected an image below"),
        ("/data/sa_9.jpg", "line 1 is '/data/sa_9.jpg'"),
        ("a/../../sa_9.jpg", "line 1 is"),
        ("sa_9.jpg\n\nsa_10.jpg", "line 2 is ''"),
        ("sa_9.json", "line 1 is 'sa_9.json'"),
        ("sa_09.jpg", "line 1 is 'sa_09.jpg'"),
        ("x" * 5000, "line 1 is"),
        ("\nsa_9.jpg", "line 1 is ''"),
        ("sa_9.jpg\n \n", "line 2 is ' '"),
        ("\n", "lists no image"),
        ("\ufeff", "lists no image"),
        ("sa_9.jpg\n\ufeffsa_10.jpg", "line 2 is"),
        ("sa_9.jpg\na/sa_9.jpg\n", "lists sa_9.jpg twice"),
        ("", "is empty"),
        ("a/sa_1.jpg\nb/sa_2.jpg\nc/sa_3.jpg", "names more than 2 folders"),
        (b"\xff\xfe", "cannot read"),
    ],
)
def test_lists_that_are_none(root, text, says, monkeypatch):
    monkeypatch.setattr(sa1b_index, "_MOST_FOLDERS", 2)
    (root / "train.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as caught:
        open_source("sa1b", root, "train")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["\ufeffsa_10.jpg\r\nsa_9.jpg\r\n\r\n\r\n", "sa_10.jpg\nsa_9.jpg\n\n"])
def test_lists_as_editors_save_them(root, text):
    (root / "val.txt").write_text(text, encoding="utf-8")
    assert splits_in("sa1b", root) == ["train", "val"]
    assert names(open_source("sa1b", root, "val")) == ["sa_9.jpg", "sa_10.jpg"]


def test_a_folder_without_images_is_refused(tmp_path):
    (tmp_path / "sa_x.jpg").write_text("")
    with pytest.raises(InputError, match=r"holds no sa_NUMBER\.jpg"):
        open_source("sa1b", tmp_path, "train")
    write_sa1b_image(tmp_path, 1)
    with pytest.raises(InputError, match="no image or video of sa1b 'train' has an annotation"):
        open_annotated("sa1b", tmp_path, "train")


def test_where_no_annotations_can_be_read_the_first_fault_is_named_after_one_look(root, monkeypatch):
    (root / "sa_9.json").write_text("{")
    (root / SECOND).unlink()
    read = counted_reads(monkeypatch)
    with pytest.raises(InputError, match=r"no region could be read; the first fault: .*sa_9\.json") as caught:
        open_annotated("sa1b", root, "train")
    assert "\n" not in str(caught.value)
    assert read == ["sa_9.json", SECOND]
    # One that is read, and has no region, does not hide the others.
    write_sa1b_image(root, 10)
    with pytest.raises(InputError, match=r"the first fault: .*sa_9\.json"):
        open_annotated("sa1b", root, "train")


def test_images_without_a_region_are_looked_at_once(root, monkeypatch):
    write_sa1b_image(root, 10)
    read = counted_reads(monkeypatch)
    with pytest.raises(InputError, match="no image or video of sa1b 'train' has an annotation"):
        open_annotated("sa1b", root, "train")
    assert read == ["sa_9.json", SECOND]


def counted_reads(monkeypatch):
    """Returns a list that grows by the name of each annotation file that is parsed."""
    read, real = [], sa1b._read
    monkeypatch.setattr(sa1b, "_read", lambda path: read.append(path.name) or real(path))
    return read


def test_an_index_is_small_and_sorted(tmp_path):
    count = 20_000
    order = np.random.default_rng(0).permutation(count)
    (tmp_path / "train.txt").write_text(
        "".join(f"sa_{number // 100:06d}/sa_{number}.jpg\n" for number in order)
    )
    index = open_index(tmp_path, "train")
    assert index.numbers.tolist() == list(range(count))
    assert index.stem(12_345) == "sa_000123/sa_12345"
    assert index.numbers.nbytes + index.folder_of.nbytes == 10 * count
    assert len(index.folders) == count // 100


def test_the_data_check_knows_it(tmp_path):
    root = tmp_path / "sets" / "sa1b"
    write_sa1b(root)
    (root / "sa_11.jpg").write_bytes((root / "sa_10.jpg").read_bytes())
    (root / "sa_12 (copy).json").write_text("{}")
    edit_json(root / SECOND, lambda content: content["annotations"][0].update(segmentation=None))
    (report,) = check_below(root, full=True, progress=lambda _: None)
    assert (report.kind, report.split, report.folder) == ("sa1b", "train", ".")
    assert (report.images, report.videos, report.segments, report.classes) == (3, 0, 3, 1)
    assert report.decoded == 2
    assert {fault.kind: fault.count for fault in report.broken} == {
        "stray annotation": 1,
        "missing file": 1,
        "invalid outline": 1,
    }
    (stray,) = (fault for fault in report.broken if fault.kind == "stray annotation")
    assert "sa_12 (copy).json is not read; expected names such as sa_223750.jpg" in stray.first
    (root / "sa_10.jpg").unlink()
    (report,) = check_below(root.parent, full=False, progress=lambda _: None)
    assert (report.missing, report.first_missing) == (1, ["sa1b/sa_10.jpg"])


def test_the_data_check_parses_the_annotations_of_an_image_once_before_it_decodes(root, monkeypatch):
    for number in range(11, 70):
        write_sa1b_image(root, number, REGION_MASKS)
    (root / "sa_12.json").write_text("{")
    read, parsed_when = counted_reads(monkeypatch), {}
    (report,) = check_below(root, full=False, progress=lambda line: parsed_when.setdefault(line, len(read)))
    assert (report.images, report.segments) == (61, 3 * 59)
    # And once more when it is decoded, which is long after.
    first_look = read[: len(read) - report.decoded]
    assert first_look == [f"sa_{number}.json" for number in range(9, 70)]
    assert 0 < report.decoded <= SAMPLE
    # Nothing is parsed before its number is told.
    assert parsed_when["sa1b train: comparing entry 1 of 61"] == 0
    assert parsed_when["sa1b train: comparing entry 61 of 61"] == 60


@pytest.mark.parametrize(("above", "named"), [("sa1b", "."), (".", "sa1b")])
def test_the_data_check_takes_folders_below_a_list_as_parts_of_its_set(tmp_path, above, named):
    place = tmp_path / "sa1b"
    for folder, number in (("sa_000020", 3), ("sa_000021", 200)):
        write_sa1b_image(place / folder, number, REGION_MASKS)
    (place / "train.txt").write_text("sa_000020/sa_3.jpg\n")
    write_coco_instances(place / "coco")
    reports = check_below(tmp_path / above, full=True, progress=lambda _: None)
    assert [(report.kind, report.folder, report.images) for report in reports] == [
        ("sa1b", named, 1),
        ("coco_instances", (Path(named) / "coco").as_posix(), 2),
    ]
    # Without a list each folder is a data set.
    (place / "train.txt").write_text("not of images\n")
    below = {r.folder for r in check_below(place, full=False, progress=lambda _: None) if r.kind == "sa1b"}
    assert below == {"sa_000020", "sa_000021"}


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize(
    "change",
    [
        lambda path: edit_json(path, lambda content: content["annotations"].clear()),
        lambda path: path.write_text(path.read_text().replace("0.9237", "0.9238")),
        lambda path: path.unlink(),
    ],
)
def test_the_key_of_the_data_changes_with_the_annotations_of_any_image(root, change, listed):
    if listed:
        write_sa1b_image(root / "sa_000020", 3, REGION_MASKS)
        (root / "train.txt").write_text("sa_9.jpg\nsa_000020/sa_3.jpg\n")
    path = root / ("sa_000020/sa_3.json" if listed else SECOND)
    before, state = data_key("sa1b", root, "train"), path.parent.stat()
    change(path)
    os.utime(path.parent, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert data_key("sa1b", root, "train") != before


def test_the_key_of_the_data_does_not_change_with_what_a_list_leaves_out(root):
    (root / "train.txt").write_text("sa_9.jpg\n")
    before = data_key("sa1b", root, "train")
    edit_json(root / SECOND, lambda content: content["annotations"].clear())
    assert data_key("sa1b", root, "train") == before


def test_the_key_of_the_data_changes_with_what_is_read(root):
    before = data_key("sa1b", root, "train")
    assert data_key("sa1b", root, "train") == before
    (root / "train.txt").write_text("sa_9.jpg\n")
    listed = data_key("sa1b", root, "train")
    (root / "train.txt").write_text("sa_9.jpg\nsa_10.jpg\n")
    assert listed != before
    assert data_key("sa1b", root, "train") == before  # a list of all is what the folder holds


def test_orientations_follow_the_sizes_as_in_other_kinds(root):
    note = Image.Exif()
    note[ExifTags.Base.Orientation] = 6
    stored = write_photo(root / "sa_10.jpg", 5, SIZE[::-1], exif=note)
    source = open_annotated("sa1b", root, "train")
    assert source.described is Described.DISPLAYED
    np.testing.assert_array_equal(source.read(1).frames[0], np.rot90(stored, -1))
    note[ExifTags.Base.Orientation] = 3
    write_photo(root / "sa_10.jpg", 5, exif=note)
    with pytest.raises(InputError, match=r"sa_10\.jpg has an EXIF orientation"):
        open_annotated("sa1b", root, "train")
    turned = open_annotated("sa1b", root, "train", Described.DISPLAYED).read(1)
    plain = np.array(Image.open(BytesIO((root / "sa_10.jpg").read_bytes())))
    np.testing.assert_array_equal(turned.frames[0], plain[::-1, ::-1])


def test_annotations_are_read_for_orientations_only_of_images_with_a_tag(root, monkeypatch):
    read = []
    monkeypatch.setattr("rapsam.data.sources.sa1b._read", lambda path: read.append(path.name) or _none(path))
    source = open_source("sa1b", root, "train")
    from rapsam.data.sources.stored_pixels import survey_orientations

    survey_orientations(source.pictures())
    assert read == []
    note = Image.Exif()
    note[ExifTags.Base.Orientation] = 6
    write_photo(root / "sa_10.jpg", 5, exif=note)
    survey_orientations(source.pictures())
    assert read == [SECOND]


def _none(path):
    raise DataSetError("missing file", f"{path} is not here")
