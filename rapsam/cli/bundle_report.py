"""What `export` and `demo` print of finished bundles, and `parity` of one: a summary, or all tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rapsam.cli.bundle_facts import placement_problems
from rapsam.cli.console import print_table, show
from rapsam.cli.parity_summary import print_heading, print_summary
from rapsam.cli.parity_tables import print_tables

if TYPE_CHECKING:
    from rapsam.export.backends.delegation import DelegationReport
    from rapsam.export.bundle.manifest import GraphEntry, Manifest
    from rapsam.export.parity.report import ParityReport

_SHOWN_FALLBACKS = 3
_SHOWN_MODULES = 2


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
