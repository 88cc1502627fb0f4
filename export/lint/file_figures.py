"""What the graphs of a bundle cost, from their files where these can be read, else from the manifest."""

from __future__ import annotations

import math

from rapsam.export.backends.file_graph import FileGraph
from rapsam.export.bundle.manifest import GraphEntry
from rapsam.export.lint.file_checks import bytes_moved
from rapsam.export.lint.peak import Step, peak_of
from rapsam.export.lint.report import GraphFigures, LargestTensor

# Graphs speak float32 at their borders, in every format.
_BORDER_BYTES = 4
_SAME_BYTES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity")
"""Operators whose result is what they take, under another shape; of TFLite, then of ONNX."""


def manifest_figures(entry: GraphEntry) -> GraphFigures:
    """Tells what a manifest tells: of memory no more than what goes in and comes out."""
    specs = (*entry.contract.inputs, *entry.contract.outputs)
    return GraphFigures(
        graph=entry.contract.graph,
        source="manifest",
        macs=entry.macs_after,
        operators=None if entry.delegation is None else entry.delegation.ops,
        bytes_moved=None,
        weight_bytes=entry.size_bytes,
        peak_activation_bytes=sum(math.prod(spec.shape) * _BORDER_BYTES for spec in specs),
        peak_at="",
        largest=None,
        estimated_ms=None,
    )


def file_figures(entry: GraphEntry, graph: FileGraph, estimated_ms: float | None) -> GraphFigures:
    """Counts what a file costs.

    Args:
        entry: Of the manifest: multiply-adds are those that were counted when the graph was lowered.
        graph: The file.
        estimated_ms: By roofline; None if it is not known.
    """
    peak = peak_of(_steps(graph))
    at = None if peak.at is None else graph.operators[peak.at - len(graph.inputs)]
    return GraphFigures(
        graph=entry.contract.graph,
        source="file",
        macs=entry.macs_after,
        operators=len(graph.operators),
        bytes_moved=moved_bytes(graph),
        weight_bytes=entry.size_bytes,
        peak_activation_bytes=peak.size_bytes,
        peak_at="" if at is None else at.place or at.op,
        largest=_largest(graph),
        estimated_ms=estimated_ms,
    )


def moved_bytes(graph: FileGraph) -> int:
    """Returns what all operators of a file read and write, in bytes."""
    return sum(bytes_moved(graph, operator) for operator in graph.operators)


def _steps(graph: FileGraph) -> list[Step]:
    """Lists what is given, what the operators make in their order, and the end: all results are there."""
    steps = [Step(key, graph.tensors[key].size_bytes, given=True) for key in graph.inputs]
    maker = {key: key for key in graph.inputs}
    for operator in graph.operators:
        first = operator.outputs[0] if operator.outputs else ""
        maker |= dict.fromkeys(operator.outputs, first)
        reads = tuple(maker[key] for key in operator.inputs if key in maker)
        size = sum(graph.tensors[key].size_bytes for key in operator.outputs)
        shares = reads[0] if operator.op in _SAME_BYTES and reads else None
        steps.append(Step(first, size, reads, shares))
    return [*steps, Step("", 0, tuple(maker[key] for key in graph.outputs if key in maker))]


def _largest(graph: FileGraph) -> LargestTensor | None:
    made = [
        LargestTensor(
            operator=operator.op,
            module=operator.place,
            shape=graph.tensors[key].shape,
            size_bytes=graph.tensors[key].size_bytes,
        )
        for operator in graph.operators
        for key in operator.outputs
    ]
    return max(made, key=lambda tensor: tensor.size_bytes, default=None)
