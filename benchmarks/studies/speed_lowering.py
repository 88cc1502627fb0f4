"""Lowers the graphs that `runtime_speed` loads, each in a process of its own.

A folder holds `GRAPH-PROMPTS.SUFFIX` for every target and the contract beside them as JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rapsam.benchmarks.measuring.timing import in_own_process
from rapsam.contract import GraphContract
from rapsam.errors import RapSamError
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import find_recipe

WEIGHTS = "formula"


class Lowering(msgspec.Struct, frozen=True, kw_only=True):
    """What came of lowering one graph.

    Attributes:
        macs: Target to the multiply-adds of the rewritten graph in the form that the target takes.
        refused: Target to the reason, for targets without an artifact.
    """

    macs: dict[str, int]
    refused: dict[str, str]


def main() -> None:
    """Lowers what the option `--one` says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--one", metavar="JSON", required=True)
    model, size, graph, num_prompts, targets, folder = json.loads(parser.parse_args().one)
    lowering = lower(model, tuple(size), graph, num_prompts, targets, Path(folder))
    print(msgspec.json.encode(lowering).decode())


def lower_in_own_process(
    model: str, size: tuple[int, int], graph: str, num_prompts: int, targets: Sequence[str], folder: Path
) -> Lowering:
    """Does `lower` in a process of its own: converters take much memory and leave it taken."""
    call = [model, size, graph, num_prompts, list(targets), str(folder)]
    return in_own_process("rapsam.benchmarks.studies.speed_lowering", call, Lowering)


def lower(
    model: str, size: tuple[int, int], graph: str, num_prompts: int, targets: Sequence[str], folder: Path
) -> Lowering:
    """Lowers one graph at fp32, with formula weights, for those targets whose artifact is not there yet."""
    from rapsam.export.backends.lower_graph import lower_graph
    from rapsam.graph.macs import count_macs
    from rapsam.models.build import build_model, deployment_of

    deployment = deployment_of(build_model(model, checkpoint=WEIGHTS))
    macs, refused = {}, {}
    for target in targets:
        path, recipe = artifact_path(folder, graph, num_prompts, target), find_recipe(target, "fp32")
        module, contract = deployment.build_graph(graph, size, num_prompts, recipe.sampling)
        contract_path(folder, graph, num_prompts).write_bytes(msgspec.json.encode(contract))
        macs[target] = count_macs(module, contract)
        if path.exists():
            continue
        try:
            lower_graph(module, contract, recipe, path, lambda _step: None)
        except RapSamError as error:
            refused[target] = str(error)
    return Lowering(macs=macs, refused=refused)


def artifact_path(folder: Path, graph: str, num_prompts: int, target: str) -> Path:
    """Says where the artifact of a target lies."""
    return folder / f"{graph}-{num_prompts}{find_backend(target).suffix}"


def contract_path(folder: Path, graph: str, num_prompts: int) -> Path:
    """Says where the contract of a graph lies."""
    return folder / f"{graph}-{num_prompts}.json"


def read_contract(folder: Path, graph: str, num_prompts: int) -> GraphContract:
    """Reads the contract of a graph; nothing heavy is imported for it."""
    return msgspec.json.decode(contract_path(folder, graph, num_prompts).read_bytes(), type=GraphContract)


if __name__ == "__main__":
    main()
