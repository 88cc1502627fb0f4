from __future__ import annotations

import asyncio
import hashlib
import json
import shutil

import pytest
import torch
from torch import nn

from rapsam.contract import GraphContract, TensorSpec
from rapsam.errors import BundleError
from rapsam.export.backends import coreai
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES
from rapsam.export.backends.coreai import DIGEST, METADATA, PROGRAM
from rapsam.graph.capture import capture
from rapsam.models.rapsam.graphs import build_graph
from tests.export.backends import probe_case
from tests.models.golden_models import golden_model

PRECISIONS = ("fp32", "fp16")


@pytest.fixture
def copied(lowered, tmp_path):
    """A copy of the probe's asset that a test may change, with its backend."""
    backend, artifact = lowered("coreai-fp32")
    return backend, shutil.copytree(artifact.path, tmp_path / "changed.aimodel")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_core_ai_computes_what_pytorch_computes(probe, lowered, precision) -> None:
    backend, artifact = lowered(f"coreai-{precision}")
    runner = backend.load(artifact.path, probe.contract)
    probe_case.assert_computes_the_probe(runner, probe, precision)


def test_a_core_ai_runner_keeps_runs_apart_and_refuses_wrong_inputs(probe, lowered) -> None:
    backend, artifact = lowered("coreai-fp32")
    runner = backend.load(artifact.path, probe.contract, threads=2)
    probe_case.assert_runs_are_independent(runner, probe)
    probe_case.assert_refuses_wrong_inputs(runner, probe)


def test_core_ai_runs_beside_an_event_loop(probe, lowered) -> None:
    """As in a notebook, where every cell runs in one."""
    backend, artifact = lowered("coreai-fp32")

    async def cell():
        return backend.load(artifact.path, probe.contract).run(probe.inputs)

    assert list(asyncio.run(cell())) == list(probe.outputs)


@pytest.mark.parametrize("change", [probe_case.renamed_output, probe_case.reshaped_output])
def test_a_core_ai_asset_of_another_graph_is_refused(probe, lowered, change) -> None:
    backend, artifact = lowered("coreai-fp32")
    with pytest.raises(BundleError, match="outputs"):
        backend.load(artifact.path, change(probe.contract))


def refusal(backend, path, contract) -> str:
    with pytest.raises(BundleError) as caught:
        backend.load(path, contract)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no graph at all" * 40, "half", "changed"])
def test_a_damaged_program_is_refused(probe, copied, content) -> None:
    backend, path = copied
    whole = (path / PROGRAM).read_bytes()
    damaged = {"half": whole[: len(whole) // 2], "changed": whole[:-1] + b"x"}.get(content, content)
    (path / PROGRAM).write_bytes(damaged)
    assert "is not what main.hash beside it says" in refusal(backend, path, probe.contract)


def test_a_forged_program_does_not_end_the_process(probe, copied) -> None:
    """Core AI aborts where it cannot read a program; a digest is easily made."""
    backend, path = copied
    forged = (path / PROGRAM).read_bytes()[:-2000]
    (path / PROGRAM).write_bytes(forged)
    (path / DIGEST).write_bytes(hashlib.sha256(forged).digest())
    assert "Core AI crashes with" in refusal(backend, path, probe.contract)


def test_a_crash_that_does_not_come_again_refuses_nothing(probe, lowered, tmp_path, monkeypatch) -> None:
    """Core AI now and then crashes with a good program where the machine is loaded."""
    once = (
        f"import os, pathlib\nseen = pathlib.Path({str(tmp_path / 'seen')!r})\n"
        "if not seen.exists():\n    seen.touch()\n    os.abort()\n"
    )
    monkeypatch.setattr(coreai, "_TRIAL", once + coreai._TRIAL)
    backend, artifact = lowered("coreai-fp32")
    runner = backend.load(artifact.path, probe.contract)
    assert (tmp_path / "seen").exists()
    probe_case.assert_computes_the_probe(runner, probe, "fp32")


@pytest.mark.parametrize("file", [PROGRAM, DIGEST, METADATA])
def test_an_asset_with_a_missing_foreign_or_linked_file_is_refused(probe, copied, file, tmp_path) -> None:
    backend, path = copied
    kept = (path / file).rename(tmp_path / "kept")
    assert "main.mlirb and metadata.json expected" in refusal(backend, path, probe.contract)
    (path / file).symlink_to(kept)
    assert "is a symbolic link" in refusal(backend, path, probe.contract)
    (path / file).unlink()
    kept.rename(path / file)
    (path / "more.bin").touch()
    assert "'more.bin'" in refusal(backend, path, probe.contract)


def test_what_is_no_asset_is_refused(probe, lowered, tmp_path) -> None:
    backend, _ = lowered("coreai-fp32")
    assert "does not exist" in refusal(backend, tmp_path / "absent.aimodel", probe.contract)
    (tmp_path / "file.aimodel").write_bytes(b"a file")
    assert "is no folder" in refusal(backend, tmp_path / "file.aimodel", probe.contract)


def test_core_ai_assets_are_the_same_every_time_and_describe_themselves(probe, lowered, tmp_path) -> None:
    backend, artifact = lowered("coreai-fp32")
    metadata = {"labels": "cat, dog", "author": "somebody"}
    path = tmp_path / "again.aimodel"
    again = backend.lower(probe.program, probe.contract, RECIPES["coreai-fp32"], path, metadata)
    assert again.sha256 == artifact.sha256
    assert again.recipe == "coreai-fp32"
    assert again.minimum_runtime == "iOS27"
    assert again.size_bytes == sum(file.stat().st_size for file in path.iterdir())
    assert set(again.tool_versions) == {"torch", "coreai-torch", "coreai-core"}
    assert json.loads((path / METADATA).read_text()) == {
        "assetVersion": "2.0",
        "author": "somebody",
        "creatorDefinedMetadata": {"labels": "cat, dog"},
        "description": "Graph 'probe'",
        "producer": "coreai-core 1.0.0b3",
    }


def test_core_ai_fp16_stores_weights_in_16_bits(lowered) -> None:
    sizes = {precision: lowered(f"coreai-{precision}")[1].size_bytes for precision in PRECISIONS}
    assert sizes["fp16"] < 0.7 * sizes["fp32"]


class Products(nn.Module):
    """Products with a reshaped right side, whose numbers of rows fit before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 8))

    def forward(self, x):
        flat = x.reshape(8, 8 * 4)
        batch = x[None].reshape(1, 8, 8 * 4)
        return self.weight @ flat, torch.bmm(self.weight[None], batch), flat, flat


def test_core_ai_computes_products_with_reshaped_maps(tmp_path, lowered) -> None:
    """A square map would be multiplied row by row, see `_turn_products`. A tensor may be returned twice."""
    backend, _ = lowered("coreai-fp32")
    torch.manual_seed(0)
    module = Products()
    shapes = {"x": (8, 8, 4), "a": (3, 32), "b": (1, 3, 32), "c": (8, 32), "d": (8, 32)}
    x, *outputs = (
        TensorSpec(
            name=name, shape=shape, dtype="float32", layout="N" * len(shape), value_range=None, meaning="any"
        )
        for name, shape in shapes.items()
    )
    contract = GraphContract(graph="products", inputs=(x,), outputs=tuple(outputs))
    program, path = capture(module, contract), tmp_path / "products.aimodel"
    backend.lower(program, contract, RECIPES["coreai-fp32"], path)
    inputs = contract.example_inputs()
    found = backend.load(path, contract).run(inputs)
    with torch.no_grad():
        expected = module(torch.from_numpy(inputs["x"]))
    for spec, values in zip(outputs, expected, strict=True):
        assert torch.allclose(torch.from_numpy(found[spec.name]), values, atol=1e-5), spec.name


@pytest.mark.parametrize("graph", ["panoptic_image", "prompt"])  # the others are parts of the first
def test_no_graph_holds_what_core_ai_gets_wrong_on_phones(graph) -> None:
    """On iOS 27: top-k with a gather in float16, and argmax. Docs say that ours have neither."""
    module, contract = build_graph(golden_model("rapsam_nano"), graph, (64, 64))
    called = {
        str(node.target) for node in capture(module, contract).graph.nodes if node.op == "call_function"
    }
    assert called
    assert not [name for name in called if any(word in name for word in ("topk", "argmax", "sort", "argmin"))]


def test_what_runs_here_is_named_for_what_it_is() -> None:
    (runtime,) = RUNTIMES["coreai"]
    assert (runtime.name, runtime.provenance) == ("Core AI reference on CPU", "measured")
