"""One way from a module to a file; a quantiser works between capture and lowering."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import torch

from rapsam.errors import InputError
from rapsam.export.backends import find_backend, lower_graph
from rapsam.export.backends.catalogue import find_recipe
from rapsam.graph.capture import trace
from tests.export.probe_network import probe_contract, probe_network


class Halving:
    """Halves the weights of convolutions: anyone can see whether it was asked."""

    def quantise(self, program, contract, recipe):
        assert recipe.quantiser == "halving"
        module = program.module(check_guards=False)
        with torch.no_grad():
            for tensor in module.parameters():
                if tensor.ndim == 4:
                    tensor.mul_(0.5)
        return trace(module, contract)


def test_a_recipe_with_a_quantiser_is_quantised_and_a_step_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(lower_graph.QUANTISERS, "halving", Halving())
    module, contract = probe_network(), probe_contract()
    plain = find_recipe("onnx", "fp32")
    quantised = msgspec.structs.replace(plain, name="onnx-halving", quantiser="halving")
    found, steps = [], []
    for recipe in (plain, quantised):
        path = tmp_path / f"{recipe.name}.onnx"
        lowered = lower_graph.lower_graph(module, contract, recipe, path, steps.append)
        assert lowered.artifact.recipe == recipe.name
        found.append(find_backend("onnx").load(path, contract).run(contract.example_inputs()))
    name = contract.outputs[0].name
    assert not np.allclose(found[0][name], found[1][name])
    assert [step.partition(": ")[2] for step in steps] == [
        "capturing",
        "lowering to onnx-fp32",
        "capturing",
        "quantising",
        "lowering to onnx-halving",
    ]


def test_an_unknown_quantiser_is_an_error(tmp_path):
    recipe = msgspec.structs.replace(find_recipe("onnx", "fp32"), quantiser="none")
    with pytest.raises(InputError, match="unknown quantiser 'none'"):
        lower_graph.lower_graph(probe_network(), probe_contract(), recipe, tmp_path / "x.onnx", str)
