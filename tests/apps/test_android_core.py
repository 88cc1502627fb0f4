"""The Android app computes what Python computes: in a Java machine, with Android's own libraries."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from PIL import Image

import rapsam
from apps.android.toolchain.jvm import CORE_TESTS, PATH_PROGRAM, VECTORS
from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.runners.app_contract import BUNDLE, DONE, FOLDER, JOB, OUT, AppJob
from rapsam.benchmarks.runners.ios.answers import measured_of, read_result
from rapsam.export.bundle.seal import verify_bundle
from tests.apps.test_photo_page import SIZES, iou, photo
from tests.benchmarks.runners.browser.tiny_tflite_file import write_tiny_tflite
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle

RUNTIME = "ONNX Runtime"
IOU = 0.999
RUN = "r1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder)
    return folder


def asked(size):
    height, width = size
    return {
        "points": [(0.0, 0.0), (width * 0.75, height * 0.3), (width - 0.5, height - 0.25)],
        "boxes": [(width * 0.1, height * 0.2, width * 0.8, height * 0.9), (0.0, 0.0, width, height)],
    }


def test_golden_vectors_and_bad_input(android_app):
    done = android_app.run(CORE_TESTS, VECTORS)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    cases = len(json.loads((VECTORS / "index.json").read_text())["cases"])
    passed = int(done.stdout.splitlines()[-1].split()[0])
    assert passed > cases


def test_objects_and_regions_are_those_of_python(android_app, folder, tmp_path):
    photos = []
    for number, size in enumerate(SIZES):
        path = tmp_path / f"{number}.png"
        Image.fromarray(photo(*size)).save(path)
        photos.append({"photo": str(path), **asked(size)})
    (tmp_path / "asked.json").write_text(json.dumps(photos))
    done = android_app.run(PATH_PROGRAM, "segment", folder, RUNTIME, tmp_path / "asked.json", tmp_path)
    found = json.loads(done.stdout.splitlines()[-1])
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
        for place, mask in enumerate(answered.masks):
            mine = np.fromfile(tmp_path / f"{number}.mask{place}.bin", np.uint8).reshape(size)
            assert iou(mine.astype(bool), mask) >= IOU
        np.testing.assert_allclose(told["iou"], answered.predicted_iou, atol=1e-6)


def test_the_toolkit_reads_what_a_benchmark_leaves(android_app, folder, tmp_path):
    timing = Timing(iters=3, min_seconds=0, rounds=1, pause_s=0, warmup_max_s=0, sustained_s=0.1)
    job = AppJob(schema_version=1, run_id=RUN, runtime=RUNTIME, threads=1, timing=timing)
    place = tmp_path / FOLDER / RUN
    place.mkdir(parents=True)
    (place / JOB).write_bytes(msgspec.json.encode(job))
    (place / BUNDLE).symlink_to(folder)
    done = android_app.run(PATH_PROGRAM, "bench", tmp_path, RUN)
    assert (tmp_path / DONE).read_text() == f"{RUN}\n", done.stdout + done.stderr
    result = read_result(place / OUT, job)
    measured = measured_of(folder, verify_bundle(folder), place / OUT, result, timing, RUNTIME)
    assert measured.fidelity is not None
    assert measured.fidelity.status == "passed"
    assert all(graph.first_ms for graph in measured.graphs)


def test_what_is_no_bundle_is_a_message(android_app, tmp_path):
    done = android_app.run(PATH_PROGRAM, "selftest", tmp_path, RUNTIME)
    assert done.stdout.startswith(f"problem: cannot read manifest.json of the bundle {tmp_path}; copy or")


def test_tensorflow_lite_runs_a_graph_and_refuses_others(android_app, tmp_path):
    write_tiny_tflite(tmp_path / "half.tflite")
    told = android_app.run(PATH_PROGRAM, "halve", tmp_path / "half.tflite", "halved").stdout
    halves = " ".join(str(number / 2) for number in range(32))
    assert told.splitlines()[-2:] == [halves, halves]
    told = android_app.run(PATH_PROGRAM, "halve", tmp_path / "half.tflite", "doubled").stdout
    assert "problem: the file of half has the outputs halved; its contract says doubled" in told
    (tmp_path / "none.tflite").write_bytes(b"no graph at all, but some bytes")
    told = android_app.run(PATH_PROGRAM, "halve", tmp_path / "none.tflite", "halved").stdout
    assert "problem: TensorFlow Lite refuses the graph half" in told


def test_a_unit_that_does_not_run_the_bundle_is_a_message(android_app, folder):
    told = android_app.run(PATH_PROGRAM, "selftest", folder, "Core ML").stdout
    assert told.startswith("problem: Core ML does not run this bundle; expected ONNX Runtime")
