"""What a record says of a graph of a bundle before it has run anywhere."""

from __future__ import annotations

from rapsam.benchmarks.latency.facts import GraphRun
from rapsam.benchmarks.latency.untimed_graph import untimed_graph
from rapsam.benchmarks.runners.record_parts import record_text
from rapsam.export.bundle.manifest import GraphEntry


def untimed_entry(entry: GraphEntry, reported: tuple[str, ...] | None) -> GraphRun:
    """Describes a graph without times.

    Args:
        entry: As the verified manifest has it.
        reported: What computes, as the runtime reports it; None if it does not.
    """
    return untimed_graph(
        entry.contract.graph,
        file=record_text(entry.path),
        sha256=entry.sha256,
        size_bytes=entry.size_bytes,
        reported=reported,
        delegation=entry.delegation,
    )
