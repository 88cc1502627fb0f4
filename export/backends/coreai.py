"""Core AI, new in iOS 27: made by Apple's converter, run by Apple's reference runtime on the CPU."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Coroutine, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from rapsam.contract import GraphContract
from rapsam.errors import BundleError
from rapsam.export.backends.base import NO_METADATA, Accelerator, Artifact, TargetFacts
from rapsam.export.backends.guard import converting, loading
from rapsam.export.backends.packages import installed_versions, missing_package, refuse_if
from rapsam.export.backends.recipes import Recipe, float_recipes
from rapsam.export.backends.refusals import FEW_BITS
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.backends.tensors import check_signature, describe, named_inputs, named_outputs
from rapsam.inference.runner import Arrays
from rapsam.untrusted import list_files, read_limited, sha256_exactly

if TYPE_CHECKING:
    from torch import fx
    from torch.export import ExportedProgram

DEPLOYMENT_TARGET = "iOS27"
FUNCTION = "main"
# The files of an asset: the program, its digest, and who made it.
PROGRAM, DIGEST, METADATA = "main.mlirb", "main.hash", "metadata.json"
_DIGEST_BYTES = 32
TRIAL_S = 600
"""The largest of our graphs loads in a tenth of that on a busy machine."""
_FIELDS = {"author": "author", "license": "license", "short_description": "model_description"}
# What the converter names at random: stored tensors, and the functions of composed operators.
_RANDOM_TENSOR = re.compile(r"\bresource_\d+\b")
_RANDOM_FUNCTION = re.compile(r"@(\w+)_[a-z]{8}\b")
_Result = TypeVar("_Result")
# Run by an interpreter that need not find rapsam.
_TRIAL = f"""
import asyncio, sys
from coreai.authoring import AIModelAsset

async def load(path):
    async with AIModelAsset.load(path).executable() as model:
        model.load_function("{FUNCTION}")

asyncio.run(load(sys.argv[1]))
"""


class CoreaiBackend:
    """The Core AI format: an asset is a folder."""

    name = "coreai"
    suffix = ".aimodel"
    # Its converter knows no sampler.
    facts = TargetFacts(
        recipes=float_recipes("coreai", deployment_target=DEPLOYMENT_TARGET),
        default_ios=27,
        platform="ios",
        refused=dict.fromkeys(
            FEW_BITS,
            "Core AI's converter takes few bits from Apple's compression tools, which have not been tried "
            "here; take fp16, or target coreml",
        ),
        compute_units=("all",),
        accelerators=(Accelerator("Core AI", ("all",)),),
    )

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        """See `Backend.runtimes`. Far too slow for its times to say anything about a phone."""
        return (Runtime("Core AI reference on CPU", self.cannot_run, self.load, packages=("coreai-core",)),)

    def unavailable(self) -> str | None:
        """See `Backend.unavailable`."""
        return missing_package("coreai", ("coreai_torch", "coreai"))

    def cannot_run(self) -> str | None:
        """See `Backend.cannot_run`."""
        return missing_package("coreai", ("coreai",))

    def tool_versions(self) -> dict[str, str]:
        """See `Backend.tool_versions`."""
        return installed_versions(("torch", "coreai-torch", "coreai-core"))

    def lower(
        self,
        program: ExportedProgram,
        contract: GraphContract,
        recipe: Recipe,
        path: Path,
        metadata: Mapping[str, str] = NO_METADATA,
    ) -> Artifact:
        """See `Backend.lower`.

        fp16 means the arithmetic of `half_precision`, weights included. The entries "author", "license" and
        "short_description" of `metadata` go where Apple's tools show them, all others become custom entries.
        """
        refuse_if(self.unavailable())
        with converting("Core AI", contract.graph, path):
            from rapsam.graph.half import half_precision

            precise = half_precision(program, contract) if recipe.precision == "fp16" else program
            _save(_converted(precise, contract), contract, metadata, path)
        return describe(path, recipe, DEPLOYMENT_TARGET, self.tool_versions())

    def load(self, path: Path, contract: GraphContract, threads: int = 1) -> CoreaiRunner:  # noqa: ARG002
        """See `Backend.load`. The runtime chooses its threads.

        An asset is first loaded in a process of its own, which what is no program of Core AI would end.
        """
        refuse_if(self.cannot_run())
        with loading("Core AI", path):
            _check_files(path)
            _check_program(path)
            function = _finished(_function(path))
            told = function.desc
            inputs = {name: _shape(told.input_descriptor(name), path) for name in told.input_names}
            outputs = {name: _shape(told.output_descriptor(name), path) for name in told.output_names}
        check_signature(contract, path, inputs, outputs)
        return CoreaiRunner(function, contract)


class CoreaiRunner:
    """A function of a loaded asset."""

    def __init__(self, function: Any, contract: GraphContract) -> None:  # noqa: ANN401 - untyped package
        self._function = function
        self._contract = contract

    def run(self, inputs: Mapping[str, npt.NDArray[np.float32]]) -> Arrays:
        """See `Runner.run`."""
        from coreai.runtime import NDArray

        given = {name: NDArray(array) for name, array in named_inputs(self._contract, inputs).items()}
        values = _finished(self._called(given))
        return named_outputs(self._contract, [values[spec.name].numpy() for spec in self._contract.outputs])

    async def _called(self, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return await self._function(inputs)  # type: ignore[no-any-return]


def _finished(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Waits for a coroutine, also where the caller has an event loop of its own, as in a notebook."""
    # Every verb that lists targets imports this file, and only here are these needed.
    import asyncio
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _function(path: Path) -> Any:  # noqa: ANN401 - untyped package
    from coreai.authoring import AIModelAsset

    async with AIModelAsset.load(path).executable() as model:
        function = model.load_function(FUNCTION)
    if function is None:
        raise BundleError(f"{path} has no function {FUNCTION!r}; export it again")
    return function


def _shape(descriptor: Any, path: Path) -> tuple[int, ...]:  # noqa: ANN401 - untyped package
    if descriptor.dtype != "float32":
        raise BundleError(
            f"{path} takes or returns {descriptor.dtype} tensors; float32 expected: export again"
        )
    return tuple(descriptor.shape)


def _check_files(path: Path) -> None:
    """Refuses what is no whole asset before Core AI parses it."""
    files = list_files(path)
    if sorted(files) != sorted((PROGRAM, DIGEST, METADATA)):
        raise BundleError(
            f"{path} holds {sorted(files)[:8]}; {DIGEST}, {PROGRAM} and {METADATA} expected: export it again"
        )
    digest = sha256_exactly(path / PROGRAM, files[PROGRAM].size_bytes)
    if read_limited(path / DIGEST, _DIGEST_BYTES).hex() != digest:
        raise BundleError(f"{path / PROGRAM} is not what {DIGEST} beside it says; export it again")


def _check_program(path: Path) -> None:
    """Loads an asset elsewhere: Core AI ends a process that cannot read a program, and hangs in forks."""
    ended = _trial(path)
    # On a loaded machine coreai-core 1.0.0b3 now and then crashes with a good program (2 of 240 loads, 16 at
    # a time; 0 of 240 one by one). With one that it cannot read it always does.
    if ended < 0 and (ended := _trial(path)) < 0:
        raise BundleError(f"Core AI crashes with {path} ({signal.Signals(-ended).name}); export it again")


def _trial(path: Path) -> int:
    line = [sys.executable, "-P", "-c", _TRIAL, str(path.absolute())]
    try:
        return subprocess.run(line, capture_output=True, check=False, timeout=TRIAL_S).returncode
    except subprocess.TimeoutExpired as error:
        raise BundleError(f"Core AI does not load {path} within {TRIAL_S} s; export it again") from error


def _converted(program: ExportedProgram, contract: GraphContract) -> Any:  # noqa: ANN401 - untyped package
    """Makes a program of Core AI whose inputs and outputs have the contract's names."""
    import coreai_torch

    graph = program.run_decompositions(coreai_torch.get_decomp_table())
    _tell_outputs_apart(graph)
    _turn_products(graph)
    # The other mode keeps stack traces, which hold paths of this machine.
    converter = coreai_torch.TorchConverter(mode=coreai_torch.TorchConverter.Mode.RELEASE)
    converter.add_exported_program(
        graph,
        input_names=[spec.name for spec in contract.inputs],
        output_names=[spec.name for spec in contract.outputs],
    )
    return converter.to_coreai()


def _tell_outputs_apart(program: ExportedProgram) -> None:
    """Copies a tensor that a graph returns twice: the converter would name it once."""
    import torch

    graph, seen, returned = program.graph_module.graph, set(), []
    for value, spec in zip(graph.output_node().args[0], program.graph_signature.output_specs, strict=True):
        kept = value
        if value in seen:
            with graph.inserting_before(graph.output_node()):
                kept = graph.call_function(torch.ops.aten.clone.default, (value,))
            kept.meta = dict(value.meta)
            spec.arg = type(spec.arg)(name=kept.name)
        seen.add(value)
        returned.append(kept)
    graph.output_node().args = (tuple(returned),)
    program.graph_module.recompile()


def _turn_products(program: ExportedProgram) -> None:
    """Writes products with a reshaped right side as their transposes.

    The converter of coreai-core 1.0.0b3 moves such a reshape behind the product where the numbers of rows
    happen to fit: W (m, k) by X (k, k, n) reshaped to (k, k n) becomes W by each X[i], which is wrong.
    """
    import torch

    aten = torch.ops.aten
    graph = program.graph_module.graph
    for node in list(graph.nodes):
        if node.target not in (aten.mm.default, aten.bmm.default) or not _is_mistaken(node.args[1]):
            continue
        left, right = node.args
        with graph.inserting_before(node):
            product = _made(graph, node.target, _transposed(graph, right), _transposed(graph, left))
            result = _transposed(graph, product)
        result.meta = dict(node.meta)
        node.replace_all_uses_with(result)
        graph.erase_node(node)
    program.graph_module.recompile()


def _is_mistaken(right: fx.Node) -> bool:
    """Says whether the right side of a product comes out of a reshape that the converter would move."""
    rows, columns = right.meta["val"].shape[-2:]
    return any(
        source.meta["val"].dim() > 1
        and source.meta["val"].shape[-2] == rows
        and source.meta["val"].shape[-1] != columns
        for source in _reshaped(right)
    )


def _reshaped(node: fx.Node) -> Iterator[fx.Node]:
    """Walks from a tensor to those that have its elements in another shape."""
    import torch

    aten = torch.ops.aten
    kinds = (aten.view, aten._unsafe_view, aten.squeeze, aten.unsqueeze, aten.select, aten.expand, aten.clone)
    while node.op == "call_function" and getattr(node.target, "overloadpacket", None) in kinds:
        source = node.args[0]
        assert not isinstance(source, tuple | list)
        node = source  # type: ignore[assignment]
        yield node


def _transposed(graph: fx.Graph, node: fx.Node) -> fx.Node:
    import torch

    axes = [*range(node.meta["val"].dim())]
    return _made(graph, torch.ops.aten.permute.default, node, [*axes[:-2], axes[-1], axes[-2]])


def _made(graph: fx.Graph, operator: Any, *args: Any) -> fx.Node:  # noqa: ANN401 - torch's are untyped
    from torch import fx

    node = graph.call_function(operator, args)
    node.meta["val"] = operator(*fx.map_arg(args, lambda source: source.meta["val"]))
    return node


def _save(program: Any, contract: GraphContract, metadata: Mapping[str, str], path: Path) -> None:  # noqa: ANN401
    """Writes an asset, byte for byte the same for the same program."""
    from coreai._compiler.ir import Module
    from coreai.authoring import AIProgram, Context

    context = Context()
    with context:
        text = _named_in_order(program._module._mlir_module.operation.get_asm())  # without places in source
        module = Module.parse(text, context=context._mlir_context)
        asset = AIProgram._from_mlir_module(module).save_asset(path)

    def describe_asset(entries: Any) -> None:  # noqa: ANN401 - untyped package
        entries.creation_date = None
        entries.model_description = f"Graph {contract.graph!r}"
        for key, value in metadata.items():
            if key in _FIELDS:
                setattr(entries, _FIELDS[key], value)
            else:
                entries.set_custom(key, value)

    asset.update_metadata(describe_asset)
    entries = json.loads((path / METADATA).read_text())
    (path / METADATA).write_text(json.dumps(entries, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def _named_in_order(text: str) -> str:
    """Replaces the random names in a program by numbers, in the order in which they occur."""
    numbers: dict[str, str] = {}

    def numbered(found: re.Match[str]) -> str:
        stem = found[1] if found.lastindex else "tensor"
        return numbers.setdefault(found[0], f"{'@' * bool(found.lastindex)}{stem}_{len(numbers)}")

    return _RANDOM_FUNCTION.sub(numbered, _RANDOM_TENSOR.sub(numbered, text))
