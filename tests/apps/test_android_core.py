"""The Android app computes what Python computes: in a Java machine, with Android's own libraries."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from apps.android.toolchain.jvm import CORE_TESTS, PATH_PROGRAM, VECTORS
from rapsam.benchmarks.runners.app_contract import DONE
from rapsam.contract import GraphContract
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.graph.capture import capture
from tests.apps.android_agreement import CPU, Agreement, agreements
from tests.apps.asked_of_apps import RUN, RUNTIME, asked, judged, write_job
from tests.apps.converted_bundle import write_converted_bundle
from tests.apps.test_photo_page import SIZES, photo
from tests.benchmarks.runners.browser.tiny_tflite_file import write_tiny_tflite
from tests.benchmarks.tiny_onnx_bundle import write_tiny_bundle
from tests.quantize.test_policy import spec

_C_PROGRAM = Path(__file__).with_name("run_tflite_in_c.py")
IOU = 0.999


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    write_tiny_bundle(folder)
    return folder


def test_golden_vectors_and_bad_input(android_app):
    done = android_app.run(CORE_TESTS, VECTORS)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    cases = len(json.loads((VECTORS / "index.json").read_text())["cases"])
    passed = int(done.stdout.splitlines()[-1].split()[0])
    assert passed > cases


def assert_agrees(found: list[Agreement], tolerance: float) -> None:
    for each in found:
        assert each.same_segments
        assert each.segment_iou >= IOU
        assert each.score_error <= tolerance
        assert min(each.region_ious) >= IOU
        assert each.iou_error <= tolerance


def test_objects_and_regions_are_those_of_python(android_app, folder, tmp_path):
    pictures = [(photo(*size), asked(size)) for size in SIZES]
    assert_agrees(agreements(android_app, folder, pictures, tmp_path, RUNTIME), 1e-6)


def eighths(size):
    height, width = size
    boxes = [(width / 4, height / 8, width, height / 2), (0.0, height / 2, width / 2, height * 5 / 8)]
    return {"points": [], "boxes": boxes}


CONVERTED = ["onnx-fp16", "tflite-fp32", "tflite-fp16", "executorch-fp32", "executorch-fp16"]


@pytest.mark.parametrize("recipe", CONVERTED)
def test_other_formats_and_precisions_are_those_of_python(android_app, tmp_path, recipe, request):
    if recipe.startswith("executorch"):
        request.getfixturevalue("executorch_app")
    write_converted_bundle(tmp_path / recipe, recipe)
    pictures = [(photo(*size), eighths(size)) for size in SIZES]
    found = agreements(android_app, tmp_path / recipe, pictures, tmp_path, CPU[recipe.split("-")[0]])
    assert_agrees(found, 1e-5)


def test_tensorflow_lite_in_c_reads_fp16_files(android_app, tmp_path):
    """Apps in C and C++ use that interface: it finds no weights that lie behind the flatbuffer."""
    contract = GraphContract(graph="wide", inputs=(spec("x", 1, 512),), outputs=(spec("y", 1, 512),))
    linear, path = nn.Linear(512, 512), tmp_path / "wide.tflite"
    BACKENDS["tflite"].lower(capture(linear, contract), contract, RECIPES["tflite-fp16"], path)
    done = subprocess.run(
        [sys.executable, _C_PROGRAM, android_app.folder / "libtensorflowlite_jni.so", path],
        env={**os.environ, "LD_LIBRARY_PATH": str(android_app.folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = np.array(done.stdout.splitlines()[-1].split(), np.float32)
    np.testing.assert_allclose(found, linear.bias.detach().numpy(), atol=1e-6)


def test_the_toolkit_reads_what_a_benchmark_leaves(android_app, folder, tmp_path):
    write_job(tmp_path, folder)
    done = android_app.run(PATH_PROGRAM, "bench", tmp_path, RUN)
    assert (tmp_path / DONE).read_text() == f"{RUN}\n", done.stdout + done.stderr
    measured = judged(tmp_path, folder)
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


@pytest.mark.parametrize(
    ("suffix", "says"),
    [
        (".onnx", "ONNX Runtime fails to run the graph half (Error code - ORT_INVALID_ARGUMENT"),
        (".tflite", "given of half is no float32 of the contract's shape; export the bundle again"),
        (".pte", "ExecuTorch fails to run the graph half ([Executorch Error "),
    ],
)
def test_a_graph_of_another_shape_with_as_many_numbers_is_a_message(
    android_app, tmp_path, suffix, says, request
):
    shape, path = (1, 2, 4, 4), tmp_path / f"half{suffix}"
    if suffix == ".tflite":
        write_tiny_tflite(path, shape)
    else:
        backend = {".onnx": "onnx", ".pte": "executorch"}[suffix]
        if backend == "executorch":
            request.getfixturevalue("executorch_app")
        given, halved = spec("given", *shape), spec("halved", *shape)
        contract = GraphContract(graph="half", inputs=(given,), outputs=(halved,))
        BACKENDS[backend].lower(capture(nn.ReLU(), contract), contract, RECIPES[f"{backend}-fp32"], path)
    told = android_app.run(PATH_PROGRAM, "halve", path, "halved").stdout.splitlines()[-1]
    assert told.startswith(f"problem: {says}")


@pytest.mark.parametrize(
    ("suffix", "name"), [(".onnx", "ONNX Runtime"), (".tflite", "TensorFlow Lite"), (".pte", "ExecuTorch")]
)
def test_an_app_without_the_library_of_a_format_says_so(android_app, tmp_path, suffix, name):
    (tmp_path / f"half{suffix}").write_bytes(b"a graph")
    (tmp_path / "lib").mkdir()
    without = android_app._replace(folder=tmp_path / "lib")
    told = without.run(PATH_PROGRAM, "halve", tmp_path / f"half{suffix}", "halved").stdout.strip()
    assert told.startswith(f"problem: the library of {name} cannot be loaded (")
    assert told.endswith("; install an app that was built for this phone, with a bundle of this format")
