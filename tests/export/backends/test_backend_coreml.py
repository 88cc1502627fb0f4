from __future__ import annotations

import json
import os
import shutil
import sys

import numpy as np
import pytest

from rapsam.errors import BundleError, ExportError, UnavailableError
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.coreml.backend import CoremlRunner, to_image
from rapsam.export.backends.coreml.package import MAX_PROGRAM_BYTES, read_program
from tests.export.backends import probe_case

COREML = [name for name, recipe in RECIPES.items() if recipe.backend == "coreml"]
# What Apple's Model.proto calls the versions of iOS 16, 17 and 18.
SPECIFICATION = {"iOS16": 7, "iOS17": 8, "iOS18": 9}


def read(path):
    import coremltools

    return coremltools.models.utils.load_spec(str(path))


def operations(spec):
    function = spec.mlProgram.functions["main"]
    return list(function.block_specializations[function.opset].operations)


@pytest.mark.parametrize("name", COREML)
def test_a_package_has_the_inputs_and_outputs_of_the_contract(probe, lowered, name) -> None:
    _, artifact = lowered(name)
    spec = read_program(artifact.path, probe.contract)
    assert [feature.name for feature in spec.description.input] == ["image", "boxes"]
    image, boxes = spec.description.input
    assert (image.type.imageType.width, image.type.imageType.height) == (64, 64)
    assert list(boxes.type.multiArrayType.shape) == [1, 3, 4]
    assert image.shortDescription == "RGB pixels"
    assert [f.shortDescription for f in spec.description.output][1] == "Mask logits"
    assert spec.specificationVersion == SPECIFICATION[artifact.minimum_runtime]
    assert artifact.minimum_runtime == RECIPES[name].deployment_target


def test_metadata_goes_where_xcode_shows_it(lowered) -> None:
    metadata = read(lowered("coreml-fp16-ios17")[1].path).description.metadata
    assert metadata.author == "somebody"
    assert metadata.shortDescription == "Graph 'probe'"
    assert metadata.userDefined["labels"] == "cat, dog"
    assert "com.github.apple.coremltools.conversion_date" not in metadata.userDefined


@pytest.mark.parametrize("change", [probe_case.renamed_output, probe_case.reshaped_output])
def test_a_package_of_another_graph_is_refused(probe, lowered, change) -> None:
    _, artifact = lowered("coreml-fp32-ios17")
    with pytest.raises(BundleError, match="outputs"):
        read_program(artifact.path, change(probe.contract))


@pytest.fixture
def copied(lowered, tmp_path):
    return shutil.copytree(lowered("coreml-fp32-ios17")[1].path, tmp_path / "copied.mlpackage")


@pytest.mark.parametrize(
    "place",
    ["../../outside.mlmodel", "/dev/zero", "com.apple.CoreML/other.mlmodel", "com.apple.CoreML/weights"],
)
def test_a_package_whose_list_leads_elsewhere_is_refused(probe, copied, place) -> None:
    listing = copied / "Manifest.json"
    listing.write_text(listing.read_text().replace("com.apple.CoreML/model.mlmodel", place))
    outside = copied / "Data/../../outside.mlmodel"
    shutil.copy(copied / "Data/com.apple.CoreML/model.mlmodel", outside)
    shutil.copy(outside, copied / "Data/com.apple.CoreML/other.mlmodel")
    with pytest.raises(BundleError, match="lists"):
        read_program(copied, probe.contract)


def test_a_package_whose_root_is_no_program_is_refused(probe, copied) -> None:
    listing = copied / "Manifest.json"
    content = json.loads(listing.read_text())
    items = content["itemInfoEntries"]
    content["rootModelIdentifier"] = next(name for name in items if items[name]["path"].endswith("weights"))
    listing.write_text(json.dumps(content))
    with pytest.raises(BundleError, match="its root"):
        read_program(copied, probe.contract)


@pytest.mark.parametrize("part", ["Manifest.json", "Data/com.apple.CoreML", "Data/com.apple.CoreML/weights"])
def test_a_package_with_a_link_is_refused(probe, copied, part) -> None:
    moved = (copied / part).rename(copied.parent / "moved")
    (copied / part).symlink_to(moved)
    with pytest.raises(BundleError, match="symbolic link"):
        read_program(copied, probe.contract)


def test_a_pipe_in_a_package_is_refused_and_not_waited_for(probe, copied) -> None:
    program = copied / "Data/com.apple.CoreML/model.mlmodel"
    program.unlink()
    os.mkfifo(program)
    with pytest.raises(BundleError, match="neither file nor folder"):
        read_program(copied, probe.contract)


def test_a_huge_program_is_refused_unread(probe, copied) -> None:
    with (copied / "Data/com.apple.CoreML/model.mlmodel").open("r+b") as file:
        file.truncate(MAX_PROGRAM_BYTES + 1)
    with pytest.raises(BundleError, match="expected at most"):
        read_program(copied, probe.contract)


def test_fp16_computes_waves_and_their_angles_in_float32_and_the_rest_in_float16(lowered) -> None:
    from coremltools.proto import MIL_pb2

    def types(spec, kind):
        return {op.outputs[0].type.tensorType.dataType for op in operations(spec) if op.type == kind}

    half = read(lowered("coreml-fp16-ios17")[1].path)
    for kind in ("sin", "cos"):
        assert types(half, kind) == {MIL_pb2.FLOAT32}
    for kind in ("conv", "conv_transpose", "linear", "matmul", "softmax"):
        assert types(half, kind) == {MIL_pb2.FLOAT16}
    angles = [op for op in operations(half) if op.type in ("sin", "cos")]
    makers = {op.outputs[0].name: op for op in operations(half)}
    for op in angles:
        source = makers[op.inputs["x"].arguments[0].name]
        assert source.outputs[0].type.tensorType.dataType == MIL_pb2.FLOAT32
    full = read(lowered("coreml-fp32-ios17")[1].path)
    assert types(full, "conv") == {MIL_pb2.FLOAT32}


def test_gather_indices_are_integers(lowered) -> None:
    from coremltools.proto import MIL_pb2

    for name in ("coreml-fp16-ios16", "coreml-fp16-ios18"):
        spec = read(lowered(name)[1].path)
        makers = {op.outputs[0].name: op for op in operations(spec) if op.outputs}
        gathers = [op for op in operations(spec) if op.type == "gather"]
        assert len(gathers) == 4
        for op in gathers:
            kind = makers[op.inputs["indices"].arguments[0].name].outputs[0].type.tensorType.dataType
            assert kind in (MIL_pb2.INT32, MIL_pb2.INT16, MIL_pb2.UINT16)


def test_packages_are_the_same_every_time(probe, lowered, tmp_path) -> None:
    backend, artifact = lowered("coreml-fp16-ios17")
    metadata = {"labels": "cat, dog", "author": "somebody"}
    recipe = RECIPES["coreml-fp16-ios17"]
    again = backend.lower(probe.program, probe.contract, recipe, tmp_path / "a.mlpackage", metadata)
    assert again.sha256 == artifact.sha256
    files = sorted(p.relative_to(again.path).as_posix() for p in again.path.rglob("*") if p.is_file())
    inner = "Data/com.apple.CoreML"
    assert files == [f"{inner}/model.mlmodel", f"{inner}/weights/weight.bin", "Manifest.json"]
    manifest = json.loads((again.path / "Manifest.json").read_text())
    assert manifest["rootModelIdentifier"] in manifest["itemInfoEntries"]


def test_a_recipe_without_deployment_target_is_refused(probe, lowered, tmp_path) -> None:
    backend, _ = lowered("coreml-fp16-ios17")
    with pytest.raises(ExportError, match="deployment target"):
        backend.lower(probe.program, probe.contract, RECIPES["onnx-fp32"], tmp_path / "a.mlpackage")


@pytest.mark.skipif(sys.platform == "darwin", reason="Core ML works here")
def test_elsewhere_than_on_a_mac_the_reason_is_given(probe, lowered) -> None:
    backend, artifact = lowered("coreml-fp16-ios17")
    assert "macOS only" in backend.cannot_run()
    with pytest.raises(UnavailableError, match="macOS only"):
        backend.load(artifact.path, probe.contract)


@pytest.mark.skipif(sys.platform != "darwin", reason="Core ML runs on macOS only")
def test_core_ml_computes_what_pytorch_computes(probe, lowered) -> None:
    backend, artifact = lowered("coreml-fp16-ios16")
    probe_case.assert_computes_the_probe(backend.load(artifact.path, probe.contract), probe, "fp16")


class RecordingModel:
    """Stands for a compiled model: keeps what it is given, answers with doubles in another order."""

    def __init__(self, outputs):
        self.outputs = outputs
        self.given = None

    def predict(self, given):
        self.given = given
        return {name: array.astype(np.float64) for name, array in reversed(self.outputs.items())}


def test_the_runner_feeds_images_as_images_and_arrays_as_arrays(probe) -> None:
    model = RecordingModel(probe.outputs)
    results = CoremlRunner(model, probe.contract).run(probe.inputs)
    assert model.given["image"].size == (64, 64)
    assert model.given["image"].mode == "RGB"
    assert np.array_equal(model.given["boxes"], probe.inputs["boxes"])
    assert list(results) == list(probe.outputs)
    assert all(np.array_equal(results[name], probe.outputs[name]) for name in results)
    probe_case.assert_refuses_wrong_inputs(CoremlRunner(model, probe.contract), probe)


def test_pixels_become_a_picture_of_the_same_rows_and_colours() -> None:
    array = np.zeros((1, 3, 2, 4), np.float32)
    array[0, :, 1, 3] = (254.6, 127.4, 300.0)
    picture = to_image(array)
    assert picture.size == (4, 2)
    assert picture.getpixel((3, 1)) == (255, 127, 255)
    assert picture.getpixel((0, 0)) == (0, 0, 0)


def test_aliases_are_converted(tmp_path) -> None:
    """PyTorch decomposes `detach` into an operator that Core ML Tools does not know."""
    import torch

    from rapsam.contract import GraphContract, TensorSpec
    from rapsam.export.backends import find_backend
    from rapsam.graph.capture import capture

    class Detached(torch.nn.Module):
        def forward(self, x):
            return torch.ops.aten.alias(x) + 1

    x, y = (
        TensorSpec(name=n, shape=(2, 3), dtype="float32", layout="QC", value_range=None, meaning="any")
        for n in "xy"
    )
    contract = GraphContract(graph="alias", inputs=(x,), outputs=(y,))
    recipe, path = RECIPES["coreml-fp32-ios17"], tmp_path / "a.mlpackage"
    find_backend("coreml").lower(capture(Detached(), contract), contract, recipe, path)
    read_program(path, contract)
