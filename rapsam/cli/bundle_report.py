"""What the command line says about a bundle: facts as JSON, a summary, all tables, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapsam.cli.console import next_step, print_table, show
from rapsam.cli.parity_summary import print_heading, print_summary
from rapsam.cli.parity_tables import print_tables

if TYPE_CHECKING:
    from rapsam.export.backends.delegation import DelegationReport
    from rapsam.export.bundle.manifest import GraphEntry, Manifest
    from rapsam.export.parity.report import ParityReport

_SHOWN_FALLBACKS = 3
_SHOWN_MODULES = 2


def bundle_facts(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Returns paths, sizes and the parity verdict of a bundle.

    Args:
        folder: The bundle.
        manifest: Its manifest.
    """
    parity = manifest.parity
    return {
        "bundle": str(folder),
        "device": manifest.device,
        "recipe": manifest.recipe,
        "model": manifest.model.name,
        "trained": manifest.model.weights.trained,
        "size": list(manifest.preprocess.size),
        "tasks": list(manifest.tasks),
        "files": len(manifest.files),
        "size_bytes": bundle_bytes(manifest),
        "graphs": [
            {
                "path": str(folder / graph.path),
                "size_bytes": graph.size_bytes,
                "macs_before": graph.macs_before,
                "macs_after": graph.macs_after,
                "delegated_mac_share": graph.delegation and graph.delegation.mac_share,
            }
            for graph in manifest.graphs
        ],
        "placement_problems": list(placement_problems(manifest)),
        "parity": parity.status if parity else "not run",
        "failures": list(parity.failures) if parity else [],
        "not_run": list(parity.not_run) if parity else [],
    }


def placement_problems(manifest: Manifest) -> tuple[str, ...]:
    """Says per graph what keeps the bundle from a strict export; empty if nothing does.

    A format without a delegate has nothing to be judged; the others report on theirs when they lower.
    """
    return tuple(
        f"graph {graph.contract.graph!r}: {problem}"
        for graph in manifest.graphs
        if graph.delegation is not None
        for problem in graph.delegation.problems()
    )


def bundle_bytes(manifest: Manifest) -> int:
    """Returns the bytes of a bundle's files without the manifest."""
    return sum(entry.size_bytes for entry in manifest.files)


def print_bundle(name: str, manifest: Manifest, report: ParityReport, *, verbose: bool) -> None:
    """Prints parity and problems of placement of a bundle; verbosely also the cost of its graphs."""
    print_parity(name, report, verbose=verbose)
    if verbose:
        _print_costs(manifest)
    for entry in manifest.graphs:
        for problem in entry.delegation.problems() if entry.delegation else ():
            show(f"note: {entry.contract.graph}: {problem}")


def print_parity(name: str, report: ParityReport, *, verbose: bool) -> None:
    """Prints a parity report as a line per graph and task, or verbosely as tables."""
    print_heading(name, report)
    if verbose:
        print_tables(report)
    else:
        print_summary(report)


def problems_of(manifest: Manifest, *, strict: bool) -> tuple[str, ...]:
    """Returns a line for each missed gate and, in a strict export, for each problem of placement."""
    failures = manifest.parity.failures if manifest.parity else ()
    return (*failures, *(placement_problems(manifest) if strict else ()))


def parity_step(
    bundle: Path,
    manifest: Manifest,
    *options: str,
    checkpoint: str | None = None,
    classifier: str | None = None,
) -> str:
    """Returns the line with the command that compares a bundle with its network.

    Args:
        bundle: Its folder.
        manifest: Its manifest; says whether the network needs a checkpoint.
        options: More words of the command.
        checkpoint: File or name that was given, if it is known.
        classifier: File or name that was given, if it is known.
    """
    from rapsam.models.shipped import shipped_name

    # Formula weights and those of the package are found without being named.
    found = not manifest.model.weights.trained or shipped_name(manifest.model.weights.name) is not None
    if checkpoint is None and not found:
        checkpoint = manifest.model.weights.name
    named = ["--checkpoint", checkpoint] if checkpoint and not found else []
    named += ["--classifier", classifier] if classifier else []
    return next_step("parity", bundle, *options, *named)


def _print_costs(manifest: Manifest) -> None:
    print_table(
        "\nCost: millions of multiply-adds (MMACs), and what the delegate takes of them",
        ("graph", "MB", "MMACs published", "MMACs exported", "delegate", "of MACs", "of ops", "pieces"),
        [_cost_row(entry) for entry in manifest.graphs],
    )
    for entry in manifest.graphs:
        for line in _fallback_lines(entry):
            show(line)


def _cost_row(entry: GraphEntry) -> tuple[str, ...]:
    macs = (f"{entry.macs_before / 1e6:,.1f}", f"{entry.macs_after / 1e6:,.1f}")
    size = f"{entry.size_bytes / 1e6:.1f}"
    found = entry.delegation
    if found is None:
        return entry.contract.graph, size, *macs, "not known", "-", "-", "-"
    return (entry.contract.graph, size, *macs, _delegate(found), *_shares(found), str(found.partitions))


def _delegate(found: DelegationReport) -> str:
    return found.delegate if found.provenance == "measured" else f"{found.delegate}, {found.provenance}"


def _shares(found: DelegationReport) -> tuple[str, str]:
    return f"{found.mac_share:.1%}", f"{found.op_share:.1%}"


def _fallback_lines(entry: GraphEntry) -> Iterable[str]:
    """One line on the heaviest operators outside the delegate."""
    if entry.delegation is None:
        return
    fallbacks = entry.delegation.fallbacks
    if fallbacks:
        shown = ", ".join(
            f"{fallback.count} {fallback.op}{_origin(fallback.modules)}"
            for fallback in fallbacks[:_SHOWN_FALLBACKS]
        )
        others = len(fallbacks) - _SHOWN_FALLBACKS
        more = f" and {others} other kinds" if others > 0 else ""
        yield f"{entry.contract.graph} outside {entry.delegation.delegate}: {shown}{more}"


def _origin(modules: tuple[str, ...]) -> str:
    if not modules:
        return ""
    more = ", ..." if len(modules) > _SHOWN_MODULES else ""
    return f" ({', '.join(modules[:_SHOWN_MODULES])}{more})"
