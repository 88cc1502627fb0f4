"""The probe network, captured once, and what each recipe makes of it, lowered once."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch

from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.graph.capture import capture
from tests.export.backends.probe_case import Probe
from tests.export.probe_network import probe_contract, probe_network


@pytest.fixture(scope="session")
def probe() -> Probe:
    contract, network = probe_contract(), probe_network().eval()
    inputs = contract.example_inputs()
    inputs["image"] = np.rint(inputs["image"])  # Core ML takes images of 8 bits
    with torch.no_grad():
        values = network(*(torch.from_numpy(inputs[spec.name]) for spec in contract.inputs))
    outputs = {spec.name: value.numpy() for spec, value in zip(contract.outputs, values, strict=True)}
    return Probe(contract, capture(network, contract), inputs, outputs)


@pytest.fixture(scope="session")
def lowered(probe, tmp_path_factory):
    """Returns the probe's artifact for a recipe's name, with its backend. Nothing may change it."""
    folder = tmp_path_factory.mktemp("probe")

    @functools.cache
    def lower(name: str):
        recipe = RECIPES[name]
        backend = BACKENDS[recipe.backend]
        reason = backend.unavailable()
        if reason:
            pytest.skip(reason)
        path = folder / f"{name}{backend.suffix}"
        metadata = {"labels": "cat, dog", "author": "somebody"}
        return backend, backend.lower(probe.program, probe.contract, recipe, path, metadata)

    return lower
