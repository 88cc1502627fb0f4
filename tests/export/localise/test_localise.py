"""A module that is converted wrongly must be named, in every format; a faithful graph must not be accused."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, Pipeline, TensorSpec
from rapsam.errors import ExportError
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RUNTIMES, find_recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.bundle.manifest import SCHEMA_VERSION, GraphEntry, Manifest, ModelEntry
from rapsam.export.localise.report import LocalisationReport
from rapsam.export.localise.search import localise
from rapsam.export.localise.taps import tap_modules, tap_sources
from rapsam.export.parity.sample_images import draw_scene
from rapsam.graph.capture import capture
from rapsam.models.origins import FORMULA_WEIGHTS
from rapsam.tasks.labels import label_sets
from rapsam.tasks.postprocess import LENIENT
from rapsam.tasks.preprocess import PreprocessSpec

SIZE = (32, 32)
SHA = "0" * 64
CASE = ("scene", draw_scene(5, (40, 48)))
FORMATS = [
    ("onnx", "fp32"),
    ("onnx", "fp16"),
    ("executorch", "fp32"),
    ("tflite", "fp16"),
    ("coreml", "fp16"),
]


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(8, 8, 3, padding=1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, x):
        return x + self.second(torch.relu(self.first(x)))


class Network(nn.Module):
    """A stem, three blocks in a row, a branch that leaves the stem, and a head."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(Block(), Block(), Block())
        self.branch = nn.Conv2d(8, 8, 1)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, image):
        x = self.stem(image / 255)
        return self.head(self.blocks(x) + self.branch(x))


class WrongWhenConverted(nn.Module):
    """Computes what it should in PyTorch and something else in every captured graph."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x) * (1.5 if torch.compiler.is_exporting() else 1.0)


def spec(name, *shape):
    return TensorSpec(
        name=name,
        shape=shape,
        dtype="float32",
        layout="NCHW",
        value_range=(0.0, 255.0),
        meaning="anything",
        role="image" if name == "image" else "flow",
    )


CONTRACT = GraphContract(
    graph="whole", inputs=(spec("image", 1, 3, *SIZE),), outputs=(spec("y", 1, 2, 16, 16),)
)


class Deployment:
    """Offers one graph; `broken` names the module that its captured form computes wrongly."""

    def __init__(self, broken=None):
        self.network = Network().eval()
        if broken:
            owner, _, leaf = broken.rpartition(".")
            inner = self.network.get_submodule(broken)
            setattr(self.network.get_submodule(owner), leaf, WrongWhenConverted(inner))

    def build_graph(self, _graph, _size, _num_prompts, _sampling):
        return self.network, CONTRACT

    @torch.no_grad()
    def reference(self, _graph, inputs):
        return {"y": self.network(inputs["image"])}

    def to(self, _device):
        return self


def bundle(deployment, folder, target, precision):
    """Lowers the graph into a folder and writes a manifest of it."""
    recipe, backend = find_recipe(target, precision), find_backend(target)
    path = folder / f"whole{backend.suffix}"
    backend.lower(capture(deployment.network, CONTRACT), CONTRACT, recipe, path)
    entry = GraphEntry(
        path=path.name,
        contract=CONTRACT,
        recipe=recipe,
        sha256=SHA,
        size_bytes=1,
        parent=SHA,
        macs_before=1,
        macs_after=1,
        delegation=None,
        tool_versions={},
    )
    model = ModelEntry(name="small", weights=FORMULA_WEIGHTS, prototypes=None, weights_sha256=SHA)
    return Manifest(
        schema_version=SCHEMA_VERSION,
        rapsam_version="0",
        source_sha256=SHA,
        key=SHA,
        images_sha256=SHA,
        device=None,
        recipe=recipe.name,
        minimum_runtime="",
        model=model,
        graphs=(entry,),
        pipelines=(Pipeline(task="panoptic", graphs=("whole",)),),
        labels=label_sets()["coco_panoptic"],
        preprocess=PreprocessSpec(size=SIZE),
        postprocess=LENIENT,
        prompts=None,
        parity=None,
        files=(),
    )


def only_run(report):
    (found,) = [graph for graph in report.graphs if not graph.reason]
    return found


def skip_without(target):
    backend = find_backend(target)
    reason = backend.unavailable() or (target != "coreml" and backend.cannot_run())
    if reason:
        pytest.skip(reason)


@pytest.mark.parametrize(("target", "precision"), FORMATS)
def test_the_broken_module_is_named_in_every_format(tmp_path, monkeypatch, target, precision):
    skip_without(target)
    monkeypatch.setenv("RAPSAM_TFLITE214_ENV", str(tmp_path / "none"))
    deployment = Deployment(broken="blocks.1.second")
    manifest = bundle(deployment, tmp_path, target, precision)
    report = localise(deployment, tmp_path, manifest, CASE, lambda _: None)
    found = only_run(report)
    assert report.diverges
    assert (found.first_bad, found.largest_drop) == ("blocks.1.second", "blocks.1.second")
    assert found.same_as_bundle
    modules = {tap.module: tap for tap in found.taps}
    assert list(modules) == [
        "stem",
        *("blocks.0.first", "blocks.0.second", "blocks.0"),
        *("blocks.1.first", "blocks.1.second.inner", "blocks.1.second", "blocks.1"),
        *("blocks.2.first", "blocks.2.second", "blocks.2"),
        "branch",
        "(y)",
    ]
    assert modules["blocks.1.first"].sqnr_db is None or modules["blocks.1.first"].sqnr_db > 50
    assert modules["blocks.1.second"].sqnr_db == pytest.approx(20 * np.log10(2), abs=0.3)
    assert modules["branch"].drop_db < 10


@pytest.mark.parametrize("broken", ["stem", "blocks.0", "branch"])
def test_any_module_can_be_the_one(tmp_path, broken):
    deployment = Deployment(broken=broken)
    manifest = bundle(deployment, tmp_path, "onnx", "fp32")
    assert only_run(localise(deployment, tmp_path, manifest, CASE, lambda _: None)).first_bad == broken


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_faithful_graph_is_not_accused(tmp_path, precision):
    deployment = Deployment()
    manifest = bundle(deployment, tmp_path, "onnx", precision)
    report = localise(deployment, tmp_path, manifest, CASE, lambda _: None)
    found = only_run(report)
    assert not report.diverges
    assert (found.first_bad, found.same_as_bundle, found.rewrites_db) == (None, True, None)
    strict = localise(deployment, tmp_path, manifest, CASE, lambda _: None, threshold_db=200)
    assert only_run(strict).first_bad == "stem"


def test_a_bundle_that_was_damaged_is_told_from_a_graph_that_is_wrong(tmp_path):
    manifest = bundle(Deployment(broken="branch"), tmp_path, "onnx", "fp32")
    report = localise(Deployment(), tmp_path, manifest, CASE, lambda _: None)
    found = only_run(report)
    assert report.diverges
    assert (found.first_bad, found.same_as_bundle) == (None, False)
    assert found.bundle_note.startswith("output 'y' has")


def test_a_file_that_does_not_load_is_said_to_be_the_bundle_s(tmp_path):
    manifest = bundle(Deployment(), tmp_path, "onnx", "fp32")
    (tmp_path / "whole.onnx").write_bytes(b"not a graph")
    found = only_run(localise(Deployment(), tmp_path, manifest, CASE, lambda _: None))
    assert found.bundle_note.startswith("the bundle's graph does not run")


def test_what_the_rewrites_lose_is_told_apart(tmp_path):
    class Rewritten(Deployment):
        def reference(self, graph, inputs):
            return {"y": 1.1 * super().reference(graph, inputs)["y"]}

    deployment = Rewritten()
    manifest = bundle(deployment, tmp_path, "onnx", "fp32")
    found = only_run(localise(deployment, tmp_path, manifest, CASE, lambda _: None))
    assert found.first_bad is None
    assert found.rewrites_db == pytest.approx(20 * np.log10(11), abs=0.1)


class Overflowing:
    """Runs a graph, but gives infinity for some of its outputs."""

    def __init__(self, runner, outputs):
        self.runner = runner
        self.outputs = outputs

    def run(self, inputs):
        found = self.runner.run(inputs)
        return {name: array * np.inf if name in self.outputs else array for name, array in found.items()}


def overflow(monkeypatch, outputs_of):
    """Makes the runtime give infinity for the outputs that a function picks from a contract."""
    load = RUNTIMES["onnx"][0].loader
    runtime = Runtime(
        "Overflowing",
        lambda: None,
        lambda path, contract, threads: Overflowing(load(path, contract, threads), outputs_of(contract)),
    )
    monkeypatch.setitem(RUNTIMES, "onnx", (runtime,))


def test_infinity_is_named_where_it_begins_and_can_be_written_as_json(tmp_path, monkeypatch):
    taps = tap_modules(Network().eval(), CONTRACT)[2]
    behind = {"blocks.1.second", "blocks.1", "blocks.2.first", "blocks.2.second", "blocks.2"}
    infinite = {tap.name for tap in taps if tap.module in behind} | {"y"}
    manifest = bundle(Deployment(), tmp_path, "onnx", "fp32")
    overflow(monkeypatch, lambda _contract: infinite)
    report = localise(Deployment(), tmp_path, manifest, CASE, lambda _: None)
    found = only_run(report)
    assert (found.first_bad, found.largest_drop) == ("blocks.1.second", "blocks.1.second")
    assert found.same_as_bundle
    modules = {tap.module: tap for tap in found.taps}
    for name in (*behind, "(y)"):
        tap = modules[name]
        assert (tap.max_abs, tap.cosine, tap.sqnr_db, tap.drop_db) == (None,) * 4
    assert all(modules[name].drop_db is not None for name in ("blocks.1.first", "branch"))
    assert msgspec.json.decode(msgspec.json.encode(report), type=LocalisationReport) == report


def test_a_bundle_that_gives_infinity_is_told_from_a_graph_that_is_wrong(tmp_path, monkeypatch):
    manifest = bundle(Deployment(), tmp_path, "onnx", "fp32")
    overflow(monkeypatch, lambda contract: {"y"} if contract == CONTRACT else set())
    found = only_run(localise(Deployment(), tmp_path, manifest, CASE, lambda _: None))
    assert (found.first_bad, found.same_as_bundle) == (None, False)
    assert found.bundle_note.startswith("output 'y' has NaN or infinite values in the bundle, ")


def test_nan_in_pytorch_is_an_error_of_one_line(tmp_path):
    manifest = bundle(Deployment(), tmp_path, "onnx", "fp32")
    broken = Deployment()
    broken.network.head.bias.data[0] = float("nan")
    with pytest.raises(ExportError, match="output 'y' of graph 'whole' is NaN or infinite in PyTorch"):
        localise(broken, tmp_path, manifest, CASE, lambda _: None)


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (spec("y", 1, 2, 8, 8), "y (1, 2, 8, 8), not (1, 2, 16, 16)"),
        (spec("z", 1, 2, 16, 16), "z (1, 2, 16, 16), not None, y None, not (1, 2, 16, 16)"),
    ],
)
def test_a_bundle_with_another_contract_is_said_to_be_another(tmp_path, output, says):
    manifest = bundle(Deployment(), tmp_path, "onnx", "fp32")
    other = msgspec.structs.replace(CONTRACT, outputs=(output,))
    entry = msgspec.structs.replace(manifest.graphs[0], contract=other)
    manifest = msgspec.structs.replace(manifest, graphs=(entry,))
    found = only_run(localise(Deployment(), tmp_path, manifest, CASE, lambda _: None))
    assert (found.first_bad, found.same_as_bundle) == (None, False)
    assert found.bundle_note == f"its inputs and outputs are others: {says}"


def test_taps_know_what_they_are_computed_from():
    tapped, contract, taps = tap_modules(Network().eval(), CONTRACT)
    names = {tap.module: tap.name for tap in taps}
    sources = tap_sources(capture(tapped, contract), contract)
    assert sources[names["stem"]] == ()
    assert sources[names["blocks.1"]] == tuple(sorted((names["blocks.0"], names["blocks.1.second"])))
    assert sources[names["branch"]] == (names["stem"],)
    assert sources["y"] == tuple(sorted((names["blocks.2"], names["branch"])))


def test_repeated_calls_and_constants():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.constant = nn.Linear(4, 4)
            self.weight = nn.Parameter(torch.ones(1, 4))

        def forward(self, x):
            return self.layer(self.layer(x)) * self.constant(self.weight) + 1

    contract = GraphContract(graph="small", inputs=(spec("x", 1, 4),), outputs=(spec("y", 1, 4),))
    assert [tap.module for tap in tap_modules(Twice(), contract)[2]] == ["layer", "layer#2"]


def test_a_graph_without_modules_is_judged_by_its_outputs():
    class Bare(nn.Module):
        def forward(self, x):
            return x + 1

    contract = GraphContract(graph="bare", inputs=(spec("x", 1, 4),), outputs=(spec("y", 1, 4),))
    tapped, extended, taps = tap_modules(Bare(), contract)
    assert (extended, taps) == (contract, [])
    assert torch.equal(tapped(torch.zeros(1, 4))[0], torch.ones(1, 4))
