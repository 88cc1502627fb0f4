"""A bundle of few bits from end to end: calibrated, mixed where nothing is gained, told of in the bundle."""

from __future__ import annotations

import math
import shutil

import msgspec
import pytest

import rapsam
from rapsam.errors import InputError
from rapsam.export.build import forms
from rapsam.export.build.bundle import export_bundle
from rapsam.export.build.cache import StageCache
from rapsam.export.bundle.manifest_file import read_manifest
from rapsam.export.bundle.quantisation import QUANTISATION_NAME, QuantisationReport
from rapsam.export.bundle.seal import verify_bundle
from rapsam.export.parity.sample_images import draw_scene
from rapsam.quantize.calibration import open_calibration
from tests.models.golden_models import golden_model

CHOICES = {"target": "onnx", "precision": "w8a8", "size": (32, 32), "tasks": ["panoptic", "prompt"]}
IMAGES = {"scene": draw_scene(1, (40, 40))}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantised")
    cache = StageCache(folder / "cache")
    calibration = open_calibration("drawn", 8)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forms, "MOST_FOR_SIZE", math.inf)  # a busy machine must not decide what is tested
        export_bundle(
            golden_model("rapsam_nano"),
            folder / "bundle",
            images=IMAGES,
            calibration=calibration,
            cache=cache,
            **CHOICES,
        )
    return folder / "bundle", cache


def report(bundle):
    return msgspec.json.decode((bundle / QUANTISATION_NAME).read_bytes(), type=QuantisationReport)


def test_the_bundle_is_whole_and_tells_what_it_is(made) -> None:
    bundle, _ = made
    manifest, told = verify_bundle(bundle), report(bundle)
    assert manifest.recipe == "onnx-w8a8"
    assert (told.precision, told.calibration.name, told.calibration.images) == ("w8a8", "drawn", 8)
    assert [graph.graph for graph in told.graphs] == [entry.contract.graph for entry in manifest.graphs]
    for entry, graph in zip(manifest.graphs, told.graphs, strict=True):
        assert entry.recipe == f"onnx-{graph.precision}"
        assert (graph.why == "") == (graph.precision == "w8a8")
        assert "is wrong" in graph.why or graph.timing.provenance == "measured"
        assert (graph.taken is None) == (graph.precision in ("w8a8", "fp32"))
        assert {row.output for row in graph.outputs} == {spec.name for spec in entry.contract.outputs}


def test_a_small_layer_that_decides_keeps_its_precision(made) -> None:
    prompt = next(graph for graph in report(made[0]).graphs if graph.graph == "prompt")
    position = [left for left in prompt.left if left.module == "encoder.position_proj"]
    assert position[0].why == "prompt position: one small layer, and a click hangs on it"


def test_a_graph_that_gains_nothing_in_any_form_stays_float_and_says_why(tmp_path, made, monkeypatch) -> None:
    stages = shutil.copytree(made[1].folder, tmp_path / "stages")
    for record in stages.glob("*/record.json"):
        if b'"timings"' in record.read_bytes():  # the choices, which are made anew
            shutil.rmtree(record.parent)
    monkeypatch.setattr(forms, "GAIN", 0.0)
    monkeypatch.setattr(forms, "MOST_FOR_SIZE", 0.0)
    export_bundle(
        golden_model("rapsam_nano"),
        tmp_path / "float",
        images=IMAGES,
        calibration=open_calibration("drawn", 8),
        cache=StageCache(stages),
        **CHOICES,
    )
    assert {entry.recipe for entry in verify_bundle(tmp_path / "float").graphs} == {"onnx-fp32"}
    for graph in report(tmp_path / "float").graphs:
        assert (graph.precision, graph.taken) == ("fp32", None)
        assert "w8a8 " in graph.why
        assert "w8 takes" in graph.why


def test_it_predicts(made) -> None:
    found = rapsam.load_bundle(made[0]).predict(draw_scene(3, (40, 50)), points=[(9, 9)])
    assert found.masks.shape == (1, 40, 50)


def test_a_second_export_takes_every_stage_and_choice_from_the_cache(made, tmp_path) -> None:
    bundle, cache = made
    calibration = open_calibration("drawn", 8)
    export_bundle(
        golden_model("rapsam_nano"),
        tmp_path / "again",
        images=IMAGES,
        calibration=calibration,
        cache=cache,
        **CHOICES,
    )
    assert (tmp_path / "again" / "manifest.json").read_bytes() == (bundle / "manifest.json").read_bytes()
    assert (tmp_path / "again" / QUANTISATION_NAME).read_bytes() == (bundle / QUANTISATION_NAME).read_bytes()


def test_other_calibration_images_are_another_bundle(made) -> None:
    bundle, _ = made
    before = read_manifest(bundle)
    with pytest.raises(InputError, match="holds another bundle"):
        export_bundle(
            golden_model("rapsam_nano"),
            bundle,
            images=IMAGES,
            calibration=open_calibration("drawn:3", 8),
            **CHOICES,
        )
    assert read_manifest(bundle) == before


def test_without_calibration_nothing_is_written(tmp_path) -> None:
    with pytest.raises(InputError, match=r"no calibration images for precision w8a8; .*--calibration DIR"):
        export_bundle(golden_model("rapsam_nano"), tmp_path / "bundle", images=IMAGES, **CHOICES)
    assert not (tmp_path / "bundle").exists()


def test_a_bundle_of_few_bits_is_not_localised(made) -> None:
    from rapsam.export.localise.search import localise
    from rapsam.models.build import deployment_of

    bundle, _ = made
    with pytest.raises(InputError, match="has precision w8a8; its modules differ from PyTorch by design"):
        localise(
            deployment_of(golden_model("rapsam_nano")),
            bundle,
            read_manifest(bundle),
            ("scene", IMAGES["scene"]),
            lambda _step: None,
        )
