"""What XNNPACK takes of the real graphs, in the two formats that run on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.backends.delegation import DelegationReport
from rapsam.graph.capture import capture
from rapsam.graph.macs import count_macs
from rapsam.models.build import deployment_of
from rapsam.models.rapsam.graphs import GRAPHS
from tests.models.golden_models import golden_model

# PyTorch's own use of its own deprecated class.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
# Smaller images have fewer pixels than the text embedding has channels.
SIZE = (256, 256)
# The recipes that phones get by default, with every graph; the others with the graph that has all in it.
STRICT = [
    *((recipe, "rapsam_nano", graph) for recipe in ("tflite-fp16", "executorch-fp32") for graph in GRAPHS),
    ("tflite-fp32", "rapsam_nano", "panoptic_image"),
    ("tflite-fp16", "rapsam_r18", "panoptic_image"),
    pytest.param("executorch-fp32", "rapsam_r18", "panoptic_image", marks=pytest.mark.proof),
]


def delegation(recipe_name: str, model: str, graph: str, folder: Path) -> DelegationReport:
    recipe = RECIPES[recipe_name]
    backend = BACKENDS[recipe.backend]
    if reason := backend.unavailable():
        pytest.skip(reason)
    module, contract = deployment_of(golden_model(model)).build_graph(graph, SIZE, 1, recipe.sampling)
    program = capture(module, contract)
    path = folder / f"{graph}{backend.suffix}"
    report = backend.lower(program, contract, recipe, path).delegation
    assert report is not None
    # Two ways of counting: in the captured graph, and in what the format made of it.
    assert report.macs == count_macs(program.module(check_guards=False), contract)
    return report


def assert_strict(report: DelegationReport) -> None:
    assert report.problems() == ()
    assert report.mac_share >= 0.99
    assert report.op_share >= 0.95


def assert_gathers(report: DelegationReport, graph: str) -> None:
    """There is one row gather for each of the three deformable convolutions, and it is known as such."""
    gathers = {module for f in report.fallbacks if f.is_deform_gather for module in f.modules}
    assert len(gathers) == (3 if graph in {"encoder", "panoptic_image"} else 0)


def test_litert_takes_the_prompt_graph(tmp_path) -> None:
    assert_strict(delegation("tflite-fp32", "rapsam_nano", "prompt", tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(("recipe", "model", "graph"), STRICT)
def test_xnnpack_takes_all_but_the_row_gathers(recipe, model, graph, tmp_path) -> None:
    report = delegation(recipe, model, graph, tmp_path)
    assert_strict(report)
    assert_gathers(report, graph)


@pytest.mark.slow
@pytest.mark.parametrize("graph", [pytest.param("panoptic_image", marks=pytest.mark.proof), "prompt"])
def test_executorch_keeps_casts_from_xnnpack_in_fp16(graph, tmp_path) -> None:
    """Of borders, layer norms and row numbers, which are float32: such a graph is not strict."""
    report = delegation("executorch-fp16", "rapsam_nano", graph, tmp_path)
    assert report.mac_share >= 0.99
    left = {f.op for f in report.fallbacks if f.pixel_sized and not f.is_deform_gather}
    assert left == {"dim_order_ops._to_dim_order_copy.default"}
    assert_gathers(report, graph)
