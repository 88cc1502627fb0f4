"""The iOS app computes what Python computes: its Swift code, on Linux, with its version of ONNX Runtime."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image

import rapsam
from apps.ios.toolchain.app_check import check_app
from apps.ios.toolchain.check import check_style
from apps.ios.toolchain.kit import build_kit, counting_library
from apps.ios.toolchain.swift import APPS, swift_build
from apps.ios.toolchain.tools import missing
from rapsam.benchmarks.runners.app_contract import DONE
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.panoptic import panoptic_segmentation
from tests.apps.asked_of_apps import RUN, RUNTIME, asked, judged, write_job
from tests.apps.moving_bundle import write_moving_bundle
from tests.apps.refining import IOU, assert_refined, steps_on
from tests.apps.test_moving_pictures import clip
from tests.apps.test_photo_page import SIZES, iou, photo
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle
from tests.cli.resealing import reseal

VECTORS = APPS / "fixtures" / "vectors"


@pytest.fixture(scope="module")
def kit():
    reason = missing()
    if reason is not None:
        pytest.skip(reason)
    return build_kit()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder)
    return folder


def save(folder, pictures):
    paths = [folder / f"{number}.png" for number in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        Image.fromarray(picture).save(path)
    return [str(path) for path in paths]


def segmented(kit, bundle, scratch):
    """Asks for objects and regions of all photos; maps and masks lie in the folder then."""
    paths = save(scratch, [photo(*size) for size in SIZES])
    photos = [{"photo": path, **asked(size)} for path, size in zip(paths, SIZES, strict=True)]
    (scratch / "asked.json").write_text(json.dumps(photos))
    arguments = ("segment", bundle, RUNTIME, scratch / "asked.json", scratch)
    done = kit.run(*arguments, folders=[bundle, scratch])
    return json.loads(done.stdout.splitlines()[-1])


def assert_same_regions(scratch, number, masks):
    for place, mask in enumerate(masks):
        mine = np.fromfile(scratch / f"{number}.mask{place}.bin", np.uint8).reshape(mask.shape)
        assert iou(mine.astype(bool), mask) >= IOU


def test_golden_vectors_and_bad_input(kit):
    done = swift_build(kit.tools, "test")
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]
    cases = len(json.loads((VECTORS / "index.json").read_text())["cases"])
    assert f"golden vectors compared: {cases}\n" in done.stdout
    assert "with 0 failures" in done.stdout


def test_objects_and_regions_are_those_of_python(kit, folder, tmp_path):
    found = segmented(kit, folder, tmp_path)
    assert found["version"].startswith("1.29")
    bundle = rapsam.load_bundle(folder)
    for number, (size, told) in enumerate(zip(SIZES, found["photos"], strict=True)):
        drawn = np.fromfile(tmp_path / f"{number}.map.bin", "<i4").reshape(size)
        expected = bundle.predict(photo(*size))
        assert len(expected.segments) > 1
        rows = [[each.id, each.class_index, each.is_thing, each.query] for each in expected.segments]
        assert [[*row[:3], row[5]] for row in told["segments"]] == rows
        for row, segment in zip(told["segments"], expected.segments, strict=True):
            assert iou(drawn == segment.id, expected.panoptic_map == segment.id) >= IOU
            assert row[3] == pytest.approx(segment.score, abs=1e-6)
        answered = bundle.predict(photo(*size), **asked(size))
        assert_same_regions(tmp_path, number, answered.masks)
        np.testing.assert_allclose(told["iou"], answered.predicted_iou, atol=1e-6)


def test_regions_of_prompts_as_points_are_those_of_python(kit, clicker_bundle, tmp_path):
    found = segmented(kit, clicker_bundle, tmp_path)
    bundle = rapsam.load_bundle(clicker_bundle)
    for number, (size, told) in enumerate(zip(SIZES, found["photos"], strict=True)):
        answered = bundle.predict(photo(*size), **asked(size))
        assert any(mask.any() for mask in answered.masks)
        assert_same_regions(tmp_path, number, answered.masks)
        np.testing.assert_allclose(told["iou"], answered.predicted_iou, atol=1e-5)


@pytest.mark.parametrize("name", ["clicker_bundle", "sam_bundle"])
@pytest.mark.parametrize("size", SIZES)
def test_regions_of_several_points_are_those_of_python(kit, name, size, request, tmp_path):
    folder = request.getfixturevalue(name)
    bundle = rapsam.load_bundle(folder)
    steps = steps_on(size, bundle.prompt_spec().max_points)
    assert len(steps) > 3
    (path,) = save(tmp_path, [photo(*size)])
    (tmp_path / "asked.json").write_text(json.dumps({"photo": path, "steps": steps}))
    arguments = ("refine", folder, RUNTIME, tmp_path / "asked.json", tmp_path)
    done = kit.run(*arguments, folders=[folder, tmp_path])
    found = json.loads(done.stdout.splitlines()[-1])["regions"]
    assert_refined(bundle, photo(*size), steps, found, tmp_path)


def test_no_more_memory_is_taken_for_a_photo_than_is_reckoned_with(kit, folder, tmp_path):
    sizes, peaks = ((400, 600), (2000, 3000)), []
    for size in sizes:
        (path,) = save(tmp_path, [photo(*size)])
        height, width = size
        steps = [
            {"at": [width * share, height / 2], "meaning": "New region"} for share in (0.1, 0.4, 0.7, 0.9)
        ]
        (tmp_path / "asked.json").write_text(json.dumps({"photo": path, "steps": steps}))
        done = kit.run(
            "refine", folder, RUNTIME, tmp_path / "asked.json", tmp_path, folders=[folder, tmp_path]
        )
        told = json.loads(done.stdout.splitlines()[-1])
        peaks.append(1024 * told["peak_kb"])
    (few, many) = (height * width for height, width in sizes)
    per_pixel = (peaks[1] - peaks[0]) / (many - few)
    # The image that was on the app's screen before is missing here; the picture that is written stands for
    # the new one.
    assert 25 < per_pixel <= told["bytes_per_pixel"]


def test_tracks_are_those_of_python(kit, tmp_path):
    moving = tmp_path / "moving"
    write_moving_bundle(moving)
    frames = clip(5)
    (tmp_path / "frames.json").write_text(json.dumps(save(tmp_path, frames)))
    done = kit.run("follow", moving, RUNTIME, tmp_path / "frames.json", tmp_path, folders=[tmp_path])
    found = json.loads(done.stdout.splitlines()[-1])
    expected = [seen for _, seen in rapsam.load_bundle(moving).track(frames, len(frames))]
    assert len({number for seen in expected for number in seen.track_ids.tolist()}) > 1
    for number, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        assert [row[0] for row in mine] == theirs.track_ids.tolist()
        assert [row[1] for row in mine] == theirs.instances.labels.tolist()
        np.testing.assert_allclose([row[2] for row in mine], theirs.instances.scores, atol=1e-5)
        masks = np.fromfile(tmp_path / f"{number}.masks.bin", np.uint8).reshape(-1, *frames[0].shape[:2])
        for mask, their in zip(masks.astype(bool), theirs.instances.masks, strict=True):
            assert iou(mask, their) >= IOU


def test_the_toolkit_reads_what_a_benchmark_leaves(kit, folder, tmp_path):
    write_job(tmp_path, folder)
    done = kit.run("bench", tmp_path, RUN, folders=[folder, tmp_path])
    assert (tmp_path / DONE).read_text() == f"{RUN}\n", done.stdout + done.stderr
    measured = judged(tmp_path, folder)
    assert measured.fidelity is not None
    assert measured.fidelity.status == "passed"
    assert all(graph.first_ms for graph in measured.graphs)
    assert measured.sustained


def test_a_frame_takes_little_memory_beside_its_result(kit, tmp_path):
    queries, classes, side = 40, 12, 64
    rng = np.random.default_rng(7)
    class_logits = rng.normal(size=(queries, classes + 1)).astype(np.float32)
    class_logits[np.arange(20), np.arange(20) % classes] = 9
    mask_logits = rng.normal(scale=4, size=(queries, side, side)).astype(np.float32)
    vectors = rng.normal(size=(queries, 32)).astype(np.float32)
    given = {"size": [256, 256], "num_things": 8, "score": 0.4, "overlap": 0.0, "top_k": 20}
    (given["photo"],) = save(tmp_path, [photo(240, 320)])
    for name, array in (("class_logits", class_logits), ("mask_logits", mask_logits), ("queries", vectors)):
        array.tofile(tmp_path / name)
        given[name] = {"shape": array.shape, "file": str(tmp_path / name)}
    (tmp_path / "given.json").write_text(json.dumps(given))
    library = counting_library(kit, tmp_path)
    done = kit.run("frames", tmp_path / "given.json", "4", folders=[tmp_path], preload=library)
    found = json.loads(done.stdout)
    assert found["map_bytes"] == 4 * 240 * 320
    assert found["fit_bytes"][1:] == [0, 0, 0]
    for taken in found["fuse_bytes"][1:]:
        assert found["map_bytes"] <= taken <= found["map_bytes"] + 16_384
    for taken in found["paint_bytes"][1:]:  # the picture, which is the photo's until something is painted
        assert 4 * 240 * 320 <= taken <= 4 * 240 * 320 + 16_384
    assert found["tracks"] == [16] * 4
    for taken in found["follow_bytes"][1:]:  # a mask of each track, and of one that lay on another's object
        assert 17 * 240 * 320 <= taken <= 17 * 240 * 320 + 16_384
    geometry = ImageGeometry(padded_size=(256, 256), content_size=(192, 256), original_size=(240, 320))
    expected = panoptic_segmentation(
        class_logits, mask_logits, geometry, 8, score_threshold=0.4, overlap_threshold=0.0
    )
    assert len(expected.segments) > 10
    assert found["map"] == [int(expected.panoptic_map.astype(np.int64).sum())]


def test_the_app_and_core_ml_fit_what_apple_documents(kit):
    assert check_app(kit.tools) > 10


def test_the_style_is_that_of_swift_format(kit):
    assert check_style(kit.tools).endswith("files")


def test_the_self_test_passes_and_nothing_else_is_done(kit, folder):
    done = kit.run("selftest", folder, RUNTIME, folders=[folder])
    assert "outputs are right" in done.stdout
    # ONNX Runtime's usage figures would begin with a look for the program blkid, which is not there.
    assert done.stderr == ""


def test_what_is_no_bundle_is_a_message(kit, tmp_path):
    told = kit.run("selftest", tmp_path, RUNTIME, folders=[tmp_path]).stdout
    assert told.startswith(f"problem: cannot read manifest.json of the bundle {tmp_path}; copy or")


def test_a_unit_that_does_not_run_the_bundle_is_a_message(kit, folder):
    told = kit.run("selftest", folder, "Core ML", folders=[folder]).stdout
    assert told.startswith("problem: Core ML does not run this bundle; expected ONNX Runtime")


def test_a_graph_that_the_runtime_refuses_is_a_message(kit, tmp_path):
    folder = tmp_path / "tiny"
    write_tiny_bundle(folder)
    graph = next(folder.glob("*.onnx"))
    graph.write_bytes(b"no graph at all, but some bytes")
    reseal(folder)
    told = kit.run("selftest", folder, RUNTIME, folders=[folder]).stdout
    assert told.startswith(f"problem: ONNX Runtime refuses the graph {graph.stem} ("), told
    assert len(told.splitlines()) == 1
