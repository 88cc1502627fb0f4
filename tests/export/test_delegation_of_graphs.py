"""What XNNPACK takes of the real graphs, in the two formats that run on it."""

from __future__ import annotations

import pytest

from rapsam.export.backends import BACKENDS
from rapsam.export.capture import capture
from rapsam.export.recipes import RECIPES
from rapsam.models.build import deployment_of
from tests.models.golden_models import golden_model

# PyTorch's own use of its own deprecated class.
pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")
# Smaller images have fewer pixels than the text embedding has channels.
SIZE = (256, 256)


def delegation(target, graph, folder):
    recipe = RECIPES[f"{target}-fp32"]
    backend = BACKENDS[recipe.backend]
    if backend.unavailable():
        pytest.skip(backend.unavailable())
    module, contract = deployment_of(golden_model("rapsam_nano")).build_graph(graph, SIZE, 1)
    path = folder / f"{graph}{backend.suffix}"
    return backend.lower(capture(module, contract), contract, recipe, path).delegation


def assert_strict(report) -> None:
    assert report.problems() == ()
    assert report.mac_share >= 0.99
    assert report.op_share >= 0.95


def test_litert_takes_the_prompt_graph(tmp_path) -> None:
    assert_strict(delegation("tflite", "prompt", tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["tflite", "executorch"])
@pytest.mark.parametrize("graph", ["encoder", "panoptic", "prompt", "panoptic_image"])
def test_xnnpack_takes_all_but_the_row_gathers(target, graph, tmp_path) -> None:
    report = delegation(target, graph, tmp_path)
    assert_strict(report)
    gathers = {module for f in report.fallbacks if f.is_deform_gather for module in f.modules}
    assert len(gathers) == (3 if graph in {"encoder", "panoptic_image"} else 0)
