"""What graphs need of a phone: memory, and time by roofline. Estimates, from shapes alone."""

from __future__ import annotations

from collections.abc import Sequence

from rapsam.export.devices import Device
from rapsam.export.lint.examined import Examined
from rapsam.export.lint.findings import general_finding
from rapsam.export.lint.liveness import liveness
from rapsam.export.lint.report import Finding, GraphFigures, MemoryEstimate
from rapsam.export.lint.rules import find_rule

_MIB = 1024**2


def graph_figures(graph: Examined, device: Device | None) -> GraphFigures:
    """Counts what a captured graph costs."""
    alive = liveness(graph)
    operators = list(graph.operators())
    moved = sum(graph.bytes_moved(node) for node in operators)
    return GraphFigures(
        graph=graph.contract.graph,
        source="captured",
        macs=graph.total_macs,
        operators=len(operators),
        bytes_moved=moved,
        weight_bytes=graph.weight_bytes(),
        peak_activation_bytes=alive.peak_bytes,
        peak_at=alive.peak_at,
        largest=alive.largest,
        estimated_ms=roofline_ms(graph.total_macs, moved, device),
    )


def roofline_ms(macs: int, bytes_moved: int, device: Device | None) -> float | None:
    """Returns the least time in ms that arithmetic and memory of a phone allow; None if it is not known.

    Args:
        macs: Multiply-adds.
        bytes_moved: Read and written.
        device: With its throughput and bandwidth, if the catalogue has them.
    """
    if device is None or device.gmacs_per_second is None or device.gb_per_second is None:
        return None
    # A giga per second is a million per millisecond.
    return max(macs / device.gmacs_per_second, bytes_moved / device.gb_per_second) / 1e6


def roofline_unknown(device: Device | None) -> str:
    """Says why there is no time by roofline; empty if there is one."""
    if device is None:
        return "no device was named"
    if device.gmacs_per_second is None or device.gb_per_second is None:
        return f"the catalogue has no throughput and bandwidth of {device.id}: no source gives both"
    return ""


def memory_estimate(graphs: Sequence[GraphFigures], device: Device | None) -> MemoryEstimate:
    """Adds up what the graphs of a model need: all are loaded, and one runs at a time."""
    weights = sum(graph.weight_bytes for graph in graphs)
    activations = max((graph.peak_activation_bytes for graph in graphs), default=0)
    ram = None if device is None else device.ram_mb
    unknown = "no device was named" if device is None else f"the catalogue has no memory of {device.id}"
    total = weights + activations
    return MemoryEstimate(
        weight_bytes=weights,
        activation_bytes=activations,
        total_bytes=total,
        ram_mb=ram,
        ram_unknown=unknown if ram is None else "",
        share=None if ram is None else total / (ram * _MIB),
    )


def memory_findings(memory: MemoryEstimate) -> list[Finding]:
    """Finds that a phone has too little memory."""
    if memory.share is None or memory.share <= 1:
        return []
    detail = f"{memory.total_bytes / _MIB:,.0f} of {memory.ram_mb:,} MiB"
    return [general_finding(find_rule("memory"), None, None, detail)]
