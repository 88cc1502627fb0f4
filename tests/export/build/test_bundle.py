"""Bundles: what they hold, that they work, and that nothing half-made or changed gets through."""

from __future__ import annotations

import json
import os
import re
import shutil

import msgspec
import numpy as np
import pytest
from PIL import Image

import rapsam
from rapsam.contract import graphs_of
from rapsam.errors import BundleError, InputError
from rapsam.export.build.bundle import run_plan
from rapsam.export.build.model_card import model_card
from rapsam.export.build.plan import plan_export
from rapsam.export.bundle.manifest_file import read_manifest, write_manifest
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.parity.sample_images import draw_scene, sample_images
from rapsam.models.build import deployment_of
from rapsam.models.origins import Prototypes, Weights
from tests.export.conftest import SIZE
from tests.models.golden_models import golden_model


def test_manifest_says_everything(made_bundle):
    folder, manifest, report = made_bundle
    assert read_manifest(folder) == manifest
    assert [entry.contract.graph for entry in manifest.graphs] == ["encoder", "panoptic", "prompt"]
    assert manifest.preprocess.size == SIZE
    assert len(manifest.labels.labels) == 133
    assert manifest.labels.num_things == 80
    assert not manifest.model.weights.trained
    assert len(manifest.model.weights_sha256) == 64
    assert manifest.parity.status == report.status == "passed"
    assert all((folder / entry.contract_path).is_file() for entry in manifest.graphs)
    assert {"torch", "onnx"} <= manifest.graphs[0].tool_versions.keys()
    listed = {entry.path for entry in manifest.files}
    assert {"encoder.onnx", "parity.json", "MODEL_CARD.md", "golden/index.json"} <= listed


def test_model_card_is_honest(made_bundle):
    card = (made_bundle[0] / "MODEL_CARD.md").read_text()
    assert "They have learnt nothing" in card
    assert "| encoder | `encoder.onnx` |" in card
    assert "**passed**" in card
    assert "| graph | published | exported | delegate |" in card


def test_a_model_card_shows_names_as_they_are(made_bundle):
    """Files are named by anyone: no HTML, no picture of another host, no more cells in a table."""
    _, manifest, report = made_bundle
    name = "<img src=x onerror=alert(1)>![x](http://x/y.png)|[a](b)`\x1b[31m\n# title"
    model = msgspec.structs.replace(
        manifest.model,
        weights=Weights(origin="file", name=name, trained=False),
        prototypes=Prototypes(origin="file", name=name),
    )
    labels = msgspec.structs.replace(manifest.labels, name=name)
    tasks = tuple(msgspec.structs.replace(row, case=name) for row in report.tasks)
    card = model_card(
        msgspec.structs.replace(manifest, model=model, labels=labels),
        msgspec.structs.replace(report, tasks=tasks),
    )
    assert "<img" not in card
    assert "\x1b" not in card
    assert not re.search(r"(?<!\\)(!\[|\]\()", card)
    assert card.count("\n# ") == 0
    rows = [line for line in card.splitlines() if "onerror" in line and line.startswith("| ")]
    assert len(rows) == len(tasks)
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {7}


def test_a_bundle_predicts_what_the_network_predicts(made_bundle, tmp_path):
    image = draw_scene(7, (90, 130))
    bundle = rapsam.load_bundle(made_bundle[0])
    result = bundle.predict(image)
    assert result.panoptic_map.shape == (90, 130)
    prompted = bundle.predict(image, points=[(40, 50), (100, 20), (5, 5)], boxes=[(10, 10, 60, 70)])
    assert prompted.masks.shape == (4, 90, 130)
    alone = bundle.predict(image, boxes=[(10, 10, 60, 70)])
    assert np.mean(alone.masks[0] == prompted.masks[3]) > 0.999
    exif = Image.Exif()
    exif[0x112] = 6
    Image.fromarray(np.rot90(image)).save(tmp_path / "turned.png", exif=exif)
    with Image.open(tmp_path / "turned.png") as turned:
        np.testing.assert_array_equal(bundle.predict(turned).panoptic_map, result.panoptic_map)
    with pytest.raises(InputError, match="leave the alpha channel out"):
        bundle.predict(np.dstack([image, image[..., :1]]))


def test_golden_files_agree_with_the_graphs(made_bundle):
    """Reads the golden folder as an app would: JSON, PNG, raw floats, and the graphs in order."""
    folder, manifest, _ = made_bundle
    runners = rapsam.load_bundle(folder).network.runners
    contracts = {contract.graph: contract for contract in manifest.contracts}
    index = json.loads((folder / "golden/index.json").read_text())
    assert len(index["cases"]) == 2
    for case in index["cases"]:
        known = {}
        for tensor in case["inputs"]:
            if tensor["file"].endswith(".png"):
                pixels = np.asarray(Image.open(folder / tensor["file"]), np.float32)
                known[tensor["name"]] = pixels.transpose(2, 0, 1)[None]
            else:
                values = np.fromfile(folder / tensor["file"], "<f4")
                known[tensor["name"]] = values.reshape(tensor["shape"])
        for graph in case["graphs"]:
            wanted_inputs = [spec.name for spec in contracts[graph["graph"]].inputs]
            outputs = runners[graph["graph"]].run({name: known[name] for name in wanted_inputs})
            for tensor in graph["outputs"]:
                golden = np.fromfile(folder / tensor["file"], "<f4")
                ours = outputs[tensor["name"]]
                assert list(ours.shape) == tensor["shape"]
                sampled = ours.ravel()[:: tensor["step"]].astype(np.float64)
                cosine = sampled @ golden / np.linalg.norm(sampled) / np.linalg.norm(golden)
                assert cosine > 0.9999, (graph["graph"], tensor["name"])
            known |= outputs


@pytest.mark.parametrize(
    ("tasks", "graphs"),
    [
        (["panoptic"], ["panoptic_image"]),
        (["video"], ["panoptic_image"]),
        (["prompt"], ["encoder", "prompt"]),
        (["prompt", "video"], ["encoder", "prompt", "panoptic"]),
    ],
)
def test_tasks_decide_the_graphs(tasks, graphs):
    pipelines = deployment_of(golden_model("rapsam_nano")).pipelines(tasks)
    assert [pipeline.task for pipeline in pipelines] == tasks
    assert list(graphs_of(pipelines)) == graphs


def test_a_bundle_without_the_graph_says_so(tmp_path):
    model = golden_model("rapsam_nano")
    rapsam.export_bundle(model, tmp_path / "b", target="onnx", size=(32, 32), tasks=["panoptic"])
    bundle = rapsam.load_bundle(tmp_path / "b")
    assert bundle.predict(draw_scene(1, (40, 40))).panoptic_map.shape == (40, 40)
    with pytest.raises(
        BundleError, match=r"exported with the tasks panoptic, without 'prompt'; .* --tasks panoptic prompt"
    ):
        bundle.predict(draw_scene(1, (40, 40)), points=[(3, 3)])


@pytest.mark.parametrize("stop_at", ["lowering", "golden", "reference", "ONNX Runtime"])
def test_an_interrupted_export_leaves_nothing(tmp_path, stop_at):
    def interrupt(step):
        if stop_at in step:
            raise KeyboardInterrupt

    plan = plan_export(target="onnx", size=(32, 32), tasks=["panoptic"])
    deployment = deployment_of(golden_model("rapsam_nano"))
    with pytest.raises(KeyboardInterrupt):
        run_plan(deployment, plan, tmp_path / "out", sample_images(), interrupt)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_not_touched(bundle_copy):
    model = golden_model("rapsam_nano")
    with pytest.raises(InputError, match="exists already"):
        rapsam.export_bundle(model, bundle_copy, target="onnx", size=(32, 32))
    verify_bundle(bundle_copy)


def test_image_names_cannot_leave_the_bundle(tmp_path):
    images = {"../../escaped": draw_scene(1, (40, 40))}
    with pytest.raises(InputError, match="escaped"):
        rapsam.export_bundle(
            golden_model("rapsam_nano"), tmp_path / "b", target="onnx", size=(32, 32), images=images
        )
    assert list(tmp_path.iterdir()) == []


def truncate(folder):
    os.truncate(folder / "encoder.onnx", 1000)


def flip_a_bit(folder):
    data = bytearray((folder / "panoptic.onnx").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "panoptic.onnx").write_bytes(data)


def swap(folder):
    (folder / "encoder.onnx").rename(folder / "x")
    (folder / "prompt.onnx").rename(folder / "encoder.onnx")
    (folder / "x").rename(folder / "prompt.onnx")


def remove(folder):
    (folder / "prompt.onnx").unlink()


def add(folder):
    (folder / "extra.bin").write_bytes(b"x")


def link(folder):
    (folder / "prompt.onnx").rename(folder.parent / "prompt.onnx")
    (folder / "prompt.onnx").symlink_to(folder.parent / "prompt.onnx")


def link_a_folder(folder):
    shutil.move(folder / "golden", folder.parent / "golden")
    (folder / "golden").symlink_to(folder.parent / "golden")


def cut_the_seal(folder):
    os.truncate(folder / "manifest.sha256", 70)


def append_to_the_seal(folder):
    with (folder / "manifest.sha256").open("a") as seal:
        seal.write("x")


def edit_the_manifest(folder):
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text.replace("0.25", "0.95"))


def add_a_pipe(folder):
    os.mkfifo(folder / "pipe")


def edit_the_card(folder):
    (folder / "MODEL_CARD.md").write_text("PQ 99")


@pytest.mark.parametrize(
    "tamper",
    [
        truncate,
        flip_a_bit,
        swap,
        remove,
        add,
        link,
        link_a_folder,
        cut_the_seal,
        append_to_the_seal,
        edit_the_manifest,
        add_a_pipe,
        edit_the_card,
    ],
)
def test_a_changed_bundle_is_refused(bundle_copy, tamper):
    tamper(bundle_copy)
    with pytest.raises(BundleError) as caught:
        rapsam.load_bundle(bundle_copy)
    assert "\n" not in str(caught.value)


def rewrite(folder, **changes):
    write_manifest(folder, msgspec.structs.replace(read_manifest(folder), **changes))


@pytest.mark.parametrize(
    "path", ["../secret", "/etc/passwd", "a/../../b", "golden//x", "./x", "", "C:/x", "a\\b", "a\0b"]
)
def test_paths_outside_the_bundle_are_refused(bundle_copy, path):
    manifest = read_manifest(bundle_copy)
    entry = msgspec.structs.replace(manifest.files[0], path=path)
    rewrite(bundle_copy, files=(entry, *manifest.files[1:]))
    with pytest.raises(BundleError, match="plain paths inside the bundle"):
        verify_bundle(bundle_copy)


def test_a_graph_that_the_manifest_describes_falsely_is_refused(bundle_copy):
    """Same files, but the contract of one graph points to another: the runtime must notice."""
    manifest = read_manifest(bundle_copy)
    first, second, third = manifest.graphs
    lying = msgspec.structs.replace(first, path=third.path, sha256=third.sha256)
    rewrite(bundle_copy, graphs=(lying, second, third))
    with pytest.raises(BundleError):
        rapsam.load_bundle(bundle_copy)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "damaged"),
        (b"\xff\xfe", "damaged"),
        (b"[" * 100_000, "damaged"),
        (b'{"schema_version": 99}', "schema version 99"),
        (b'{"schema_version": 1}', "schema version 1; this toolkit reads 4: export it again"),
        (b'{"schema_version": 4}', "damaged"),
        (b" " * (9 * 1024**2), "9,437,184 bytes"),
    ],
)
def test_a_broken_manifest_is_refused(bundle_copy, content, says):
    (bundle_copy / "manifest.json").write_bytes(content)
    with pytest.raises(BundleError) as caught:
        verify_bundle(bundle_copy)
    assert says in str(caught.value)


def test_unknown_fields_are_refused(bundle_copy):
    manifest = json.loads((bundle_copy / "manifest.json").read_text())
    manifest["surprise"] = 1
    (bundle_copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="surprise"):
        verify_bundle(bundle_copy)


@pytest.mark.parametrize("path", ["nowhere", "nowhere/deep"])
def test_no_bundle_at_all(tmp_path, path):
    with pytest.raises(BundleError, match="expected a bundle"):
        rapsam.load_bundle(tmp_path / path)
