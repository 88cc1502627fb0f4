"""What a record says of a graph of a bundle before it has run anywhere."""

from __future__ import annotations

from rapsam.benchmarks.latency.facts import GraphRun
from rapsam.benchmarks.runners.record_parts import record_text
from rapsam.export.bundle.manifest import GraphEntry


def untimed_graph(entry: GraphEntry, reported: tuple[str, ...] | None) -> GraphRun:
    """Describes a graph without times.

    Args:
        entry: As the verified manifest has it.
        reported: What computes, as the runtime reports it; None if it does not.
    """
    report = entry.delegation
    return GraphRun(
        graph=entry.contract.graph,
        file=record_text(entry.path),
        sha256=entry.sha256,
        size_bytes=entry.size_bytes,
        reported=reported,
        delegate=None if report is None else report.delegate,
        delegate_provenance=None if report is None else report.provenance,
        partitions=None if report is None else report.partitions,
        nodes_delegated=None if report is None else report.ops_delegated,
        nodes_total=None if report is None else report.ops,
        delegated_mac_share=None if report is None else report.mac_share,
        load_ms=None,
        compile_ms=None,
        first_ms=None,
        average_warmup_ms=None,
        warmup_iters=None,
        is_warm=None,
    )
