"""Bundles are made from stages: what is finished is not made again, and equal inputs give equal bytes."""

from __future__ import annotations

import copy
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import msgspec
import pytest

import rapsam
from rapsam.errors import BundleError, InputError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.backends.onnx.backend import OnnxBackend
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.build.bundle import make_bundle, run_plan
from rapsam.export.build.cache import StageCache
from rapsam.export.build.finished import read_report
from rapsam.export.build.inputs import gather_inputs, judges
from rapsam.export.build.plan import plan_export
from rapsam.export.build.source import source_sha256
from rapsam.export.bundle.manifest_file import read_manifest, write_manifest
from rapsam.export.bundle.seal import file_entries, verify_bundle
from rapsam.export.parity.sample_images import draw_scene
from rapsam.models.build import deployment_of
from rapsam.models.origins import Prototypes, Weights
from rapsam.tasks.labels import find_label_set
from tests.cli.resealing import graph_entry
from tests.models.golden_models import golden_model

CHOICES = {"target": "onnx", "size": (32, 32), "tasks": ["prompt"]}
IMAGES = {"scene": draw_scene(1, (40, 40))}


@pytest.fixture(scope="module")
def network():
    return deployment_of(golden_model("rapsam_nano"))


class Steps(list):
    """Collects what an export says it does; can stop it."""

    def __init__(self, stop_at: str = "nowhere") -> None:
        super().__init__()
        self.stop_at = stop_at

    def __call__(self, step: str) -> None:
        self.append(step)
        if self.stop_at in step:
            raise KeyboardInterrupt

    def made(self) -> list[str]:
        return [
            step
            for step in self
            if re.search("capturing|lowering|golden inputs and outputs$|reference:", step)
        ]

    def reused(self) -> list[str]:
        return [step.partition(":")[0] for step in self if "taken from the cache" in step]


@pytest.fixture(scope="module")
def first(network, tmp_path_factory):
    """A bundle, the cache that it filled, and what was said."""
    folder = tmp_path_factory.mktemp("first")
    cache, steps = StageCache(folder / "cache"), Steps()
    run_plan(network, plan_export(**CHOICES), folder / "bundle", IMAGES, steps, cache)
    return folder / "bundle", cache, steps


def content(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_first_export_makes_everything(first):
    bundle, cache, steps = first
    assert steps.reused() == []
    assert {"encoder: capturing", "prompt: capturing", "golden inputs and outputs"} <= set(steps.made())
    entries = [path for path in cache.folder.iterdir() if not path.name.startswith(".")]
    assert {graph.parent for graph in read_manifest(bundle).graphs} <= {path.name for path in entries}
    assert len(entries) == 4  # two graphs, self-test, parity


def test_a_second_export_elsewhere_makes_nothing_and_gives_the_same_bytes(first, network, tmp_path):
    bundle, cache, _ = first
    steps = Steps()
    run_plan(network, plan_export(**CHOICES), tmp_path / "again", IMAGES, steps, cache)
    assert steps.made() == []
    assert steps.reused() == ["encoder", "prompt", "golden inputs and outputs", "parity"]
    assert content(tmp_path / "again") == content(bundle)


def test_a_second_export_to_the_same_place_does_nothing(first, network):
    bundle, _, _ = first
    steps, before = Steps(), {path: path.stat().st_mtime_ns for path in bundle.rglob("*")}
    manifest, report = run_plan(network, plan_export(**CHOICES), bundle, IMAGES, steps)
    assert steps == [f"{bundle} holds this bundle already: nothing to do"]
    assert {path: path.stat().st_mtime_ns for path in bundle.rglob("*")} == before
    assert manifest == read_manifest(bundle)
    assert report.status == manifest.parity.status


def test_an_interrupted_export_goes_on_where_it_was(first, network, tmp_path):
    cache = StageCache(tmp_path / "cache")
    with pytest.raises(KeyboardInterrupt):
        run_plan(network, plan_export(**CHOICES), tmp_path / "out", IMAGES, Steps("prompt: capturing"), cache)
    assert not (tmp_path / "out").exists()
    steps = Steps()
    run_plan(network, plan_export(**CHOICES), tmp_path / "out", IMAGES, steps, cache)
    assert steps.reused() == ["encoder"]
    assert content(tmp_path / "out") == content(first[0])


def test_a_damaged_stage_is_made_again(first, network, tmp_path):
    bundle, cache, _ = first
    copy = StageCache(shutil.copytree(cache.folder, tmp_path / "cache"))
    key = graph_entry(read_manifest(bundle), "prompt").parent
    (copy.folder / key / "files" / "prompt.onnx").write_bytes(b"damaged")
    steps, notes = Steps(), []
    inputs, plan = gather_inputs(network, IMAGES), plan_export(**CHOICES)
    make_bundle(inputs, plan, tmp_path / "out", copy, progress=steps, note=notes.append)
    (note,) = notes
    assert f"the stored stage {key[:12]} is damaged" in note
    assert note not in steps  # which may be shown for a moment only
    assert "prompt" not in steps.reused()
    assert content(tmp_path / "out") == content(bundle)


def test_a_forged_stage_is_made_again(first, network, tmp_path):
    """Another graph whose digests in the entry fit, but not the record of what was lowered."""
    bundle, cache, _ = first
    copy = StageCache(shutil.copytree(cache.folder, tmp_path / "cache"))
    key = graph_entry(read_manifest(bundle), "prompt").parent
    files = copy.folder / key / "files"
    (files / "prompt.onnx").write_bytes((bundle / "encoder.onnx").read_bytes())
    listed = json.loads((copy.folder / key / "index.json").read_text())
    listed[1:] = [msgspec.to_builtins(entry) for entry in file_entries(files)]
    (copy.folder / key / "index.json").write_text(json.dumps(listed))
    steps = Steps()
    _, report = run_plan(network, plan_export(**CHOICES), tmp_path / "out", IMAGES, steps, copy)
    (note,) = [step for step in steps if "is damaged" in step]
    assert f"{key[:12]} is damaged (its graph is another than its record tells of); it is made again" in note
    assert report.status == "passed"
    assert content(tmp_path / "out") == content(bundle)


def test_a_newer_runtime_is_compared_anew(first, network, tmp_path, monkeypatch):
    """Even if the graphs that the newer packages make are the same, byte for byte."""
    bundle, cache, _ = first
    monkeypatch.setitem(BACKENDS, "onnx", Newer())
    steps = Steps()
    manifest, _ = run_plan(network, plan_export(**CHOICES), tmp_path / "out", IMAGES, steps, cache)
    assert [g.sha256 for g in manifest.graphs] == [g.sha256 for g in read_manifest(bundle).graphs]
    assert steps.reused() == ["golden inputs and outputs"]
    assert "reference: scene" in steps


class Newer(OnnxBackend):
    """The converter and runtime of next year."""

    def tool_versions(self) -> dict[str, str]:
        return super().tool_versions() | {"onnxruntime": "99.0"}


def test_the_versions_of_all_that_compares_decide_the_key():
    said = msgspec.json.encode(judges(plan_export(**CHOICES))).decode()
    for package in ("numpy", "pillow", "scipy", "onnxruntime", "torch"):
        assert f'"{package}":"{version(package)}"' in said


@pytest.mark.parametrize(("breaks", "kept"), [("load", 0), ("run", 0), ("values", 1)])
def test_a_report_without_figures_is_not_kept(breaks, kept, first, network, tmp_path, monkeypatch):
    """A runtime that ran out of memory is asked again next time; one that computes wrongly does so always."""
    cache = StageCache(shutil.copytree(first[1].folder, tmp_path / "cache"))
    before = set(cache.folder.iterdir())
    runtime = Runtime("Breaking", lambda: None, lambda *call: Breaking(breaks, *call))
    monkeypatch.setitem(RUNTIMES, "onnx", (runtime,))
    _, report = run_plan(network, plan_export(**CHOICES), tmp_path / "out", IMAGES, Steps(), cache)
    assert report.status == "failed"
    assert len(set(cache.folder.iterdir()) - before) == kept


class Breaking:
    """A runtime that has no memory to load a graph or to run it, or gives wrong values."""

    def __init__(self, breaks: str, *call) -> None:
        if breaks == "load":
            raise BundleError("no memory for this graph")
        self.breaks = breaks
        self.runner = BACKENDS["onnx"].load(*call)

    def run(self, inputs):
        if self.breaks == "run":
            raise MemoryError
        return {name: -array for name, array in self.runner.run(inputs).items()}


def test_only_what_changed_is_made_again(first, network, tmp_path):
    """Other images need no other graphs; another size needs all."""
    _, cache, _ = first
    steps = Steps()
    run_plan(
        network, plan_export(**CHOICES), tmp_path / "a", {"other": draw_scene(2, (40, 40))}, steps, cache
    )
    assert steps.reused() == ["encoder", "prompt"]
    steps = Steps(stop_at="capturing")
    with pytest.raises(KeyboardInterrupt):
        run_plan(network, plan_export(**CHOICES | {"size": (32, 64)}), tmp_path / "b", IMAGES, steps, cache)
    assert steps.reused() == []


def test_a_device_shares_the_stages_of_its_recipe(first, network, tmp_path):
    """`--device` decides name and recipe; the graphs are those of the recipe."""
    _, cache, _ = first
    steps = Steps()
    plan = plan_export(device="pixel-8", precision="fp32", **CHOICES | {"target": "onnx"})
    manifest, _ = run_plan(network, plan, tmp_path / "pixel-8", IMAGES, steps, cache)
    assert manifest.device == "pixel-8"
    assert steps.made() == []


@pytest.mark.parametrize(
    ("changes", "images", "says"),
    [
        ({"precision": "fp16"}, IMAGES, "recipe onnx-fp32, not onnx-fp16"),
        ({"size": (32, 64)}, IMAGES, "size 32x32, not 32x64"),
        ({"tasks": ["prompt", "panoptic"]}, IMAGES, "tasks prompt, not panoptic + prompt"),
        ({"num_prompts": 3}, IMAGES, "prompts per pass 1, not 3"),
        ({}, {"other": IMAGES["scene"]}, "other images for self-test and parity"),
    ],
)
def test_another_bundle_is_not_replaced_and_the_difference_named(changes, images, says, first, network):
    bundle, _, _ = first
    before = content(bundle)
    with pytest.raises(
        InputError, match=f"exists already and holds another bundle .*{re.escape(says)}.*remove it"
    ):
        run_plan(network, plan_export(**CHOICES | changes), bundle, images, Steps())
    assert content(bundle) == before


def test_other_weights_are_another_bundle(first):
    model = copy.deepcopy(golden_model("rapsam_nano"))
    model.load_state_dict({name: tensor * 1.5 for name, tensor in model.state_dict().items()})
    with pytest.raises(InputError, match="with other values"):
        run_plan(deployment_of(model), plan_export(**CHOICES), first[0], IMAGES, Steps())


def other_weights_file(model):
    model.weights = Weights(origin="file", name="mine.pth", trained=False)


def other_classifier_file(model):
    model.text_classifier.origin = Prototypes(origin="file", name="mine.safetensors")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (other_weights_file, "weights formula (untrained), not mine.pth"),
        (other_classifier_file, "not mine.safetensors"),
    ],
)
def test_the_same_values_of_another_origin_are_another_bundle(change, says, first):
    model = copy.deepcopy(golden_model("rapsam_nano"))
    change(model)
    with pytest.raises(InputError, match=f"holds another bundle .*{re.escape(says)}"):
        run_plan(deployment_of(model), plan_export(**CHOICES), first[0], IMAGES, Steps())


def test_the_same_values_for_other_classes_are_another_bundle(network, tmp_path):
    plan = plan_export(**CHOICES | {"tasks": ["panoptic"]})
    run_plan(network, plan, tmp_path / "bundle", IMAGES, Steps())
    model = copy.deepcopy(golden_model("rapsam_nano"))
    model.text_classifier.label_set = find_label_set("ytvis_2019")
    with pytest.raises(InputError, match=r"holds another bundle .*other class names"):
        run_plan(deployment_of(model), plan, tmp_path / "bundle", IMAGES, Steps())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({}, "(made under other conditions: another processor, other runtimes or package versions)"),
        ({"reference": "PyTorch on a GPU"}, "(compared with PyTorch on a GPU, not PyTorch 2"),
        ({"rapsam_version": "0.0.1"}, "(made by another version of this toolkit)"),
    ],
)
def test_other_conditions_are_another_bundle(changes, says, first, network, tmp_path):
    bundle = shutil.copytree(first[0], tmp_path / "bundle")
    manifest = read_manifest(bundle)
    reference = changes.pop("reference", manifest.parity.reference)
    parity = msgspec.structs.replace(manifest.parity, reference=reference)
    write_manifest(bundle, msgspec.structs.replace(manifest, key="ab" * 32, parity=parity, **changes))
    with pytest.raises(InputError, match=re.escape(says)):
        run_plan(network, plan_export(**CHOICES), bundle, IMAGES, Steps())


@pytest.mark.parametrize("text", ["", "[]", "\xff", '{"more": ' + "[" * 100_000])
def test_what_is_no_report_is_refused(text, tmp_path):
    (tmp_path / "parity.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(BundleError, match=r"is no parity report .*; export the bundle again"):
        read_report(tmp_path)


def test_a_report_without_end_is_refused(tmp_path):
    (tmp_path / "parity.json").touch()
    os.truncate(tmp_path / "parity.json", 1 << 40)
    with pytest.raises(BundleError, match="1,099,511,627,776 bytes; expected at most"):
        read_report(tmp_path)


def test_a_damaged_bundle_is_not_taken_for_finished(first, network, tmp_path):
    bundle = shutil.copytree(first[0], tmp_path / "bundle")
    (bundle / "prompt.onnx").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"with no bundle to go on from \(.*prompt.onnx has 7 bytes"):
        run_plan(network, plan_export(**CHOICES), bundle, IMAGES, Steps())


def test_a_finished_bundle_holds_no_place_and_no_date(first):
    bundle, _, _ = first
    places = [str(bundle.parent), str(Path(rapsam.__file__).parent), str(Path.home())]
    named = re.compile(rf"\b{re.escape(os.uname().nodename)}\b|20[2-9]\d-[01]\d-[0-3]\d".encode())
    for name, data in content(bundle).items():
        assert not [place for place in places if place.encode() in data], name
        if name.endswith((".json", ".md")):
            assert not named.search(data), name


def test_the_manifest_tells_the_cost_of_each_graph(first):
    for graph in verify_bundle(first[0]).graphs:
        assert graph.macs_before >= graph.macs_after > 0
    assert verify_bundle(first[0]).source_sha256 == source_sha256()


# In processes of their own: nothing that one of them remembers can help the other.

EXPORT = """
import sys
from pathlib import Path
import torch
import rapsam
torch.set_num_threads(1)
target, precision, out, *tasks = sys.argv[1:]
model = rapsam.build_model("rapsam_nano", checkpoint="formula")
rapsam.export_bundle(model, Path(out), target=target, precision=precision, size=(64, 64), tasks=tasks)
"""


# The delegate's package inside the program carries random identifiers; see docs/formats.md.
DIFFERENT = {"executorch-coreml": {"panoptic_image.pte", "manifest.json", "manifest.sha256"}}
# Every graph and precision of every format would take many minutes.
TWICE = [
    # Core AI's runtime takes minutes for fp16, which its bundle is compared in.
    *((target, "fp32" if target == "coreai" else "fp16", "panoptic") for target in sorted(BACKENDS)),
    ("onnx", "fp32", "panoptic", "prompt"),
]
# One of them at every `make test`, all at `make proofs`.
ALWAYS = ("onnx", "fp32", "panoptic", "prompt")


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices",
    [pytest.param(choices, marks=() if choices == ALWAYS else pytest.mark.proof) for choices in TWICE],
    ids=" ".join,
)
def test_two_processes_make_the_same_bytes(choices, tmp_path):
    target, precision, *tasks = choices
    reason = BACKENDS[target].unavailable()
    if reason:
        pytest.skip(reason)
    folders = [tmp_path / "one", tmp_path / "two"]
    lines = [[sys.executable, "-c", EXPORT, target, precision, folder, *tasks] for folder in folders]
    processes = [subprocess.Popen(line) for line in lines]
    try:
        assert [process.wait(timeout=800) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    one, two = (content(folder) for folder in folders)
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} <= DIFFERENT.get(target, set())
