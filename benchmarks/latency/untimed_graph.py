"""What a record says of a graph before anything has run."""

from __future__ import annotations

from rapsam.benchmarks.latency.facts import GraphRun
from rapsam.export.backends.delegation import DelegationReport


def untimed_graph(
    graph: str,
    *,
    file: str,
    sha256: str,
    size_bytes: int,
    reported: tuple[str, ...] | None,
    delegation: DelegationReport | None,
) -> GraphRun:
    """Describes a graph without times.

    Args:
        graph: Name.
        file: Path in the bundle, or name of the file.
        sha256: Digest of the artifact.
        size_bytes: Of the artifact.
        reported: What computes, as the runtime reports it; None if it does not.
        delegation: What the artifact's own report says; None where there is none, or it is about another
            runtime.
    """
    report = delegation
    return GraphRun(
        graph=graph,
        file=file,
        sha256=sha256,
        size_bytes=size_bytes,
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
