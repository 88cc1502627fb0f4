"""What `rapsam export` prints of a finished bundle: per graph the worst rows; the whole is in its files."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rapsam.cli.bundle_facts import placement_problems
from rapsam.cli.console import print_table, show
from rapsam.cli.parity_tables import verdict

if TYPE_CHECKING:
    from rapsam.export.delegation import DelegationReport
    from rapsam.export.manifest import GraphEntry, Manifest
    from rapsam.export.parity.report import ParityReport, TaskParity, TensorParity

_SHOWN_FALLBACKS = 3
_SHOWN_MODULES = 2


def print_bundle(name: str, manifest: Manifest, report: ParityReport) -> None:
    """Prints size, cost, placement and parity of a bundle's graphs, and what did not run."""
    print_table(
        f"\n{name}: {manifest.recipe}",
        ("graph", "MB", "MMACs published", "MMACs exported", "delegate", "of MACs", "of ops", "pieces"),
        [_cost_row(entry) for entry in manifest.graphs],
    )
    for entry in manifest.graphs:
        for line in _fallback_lines(entry):
            show(line)
    print_table(
        f"\nParity of {name}, the worst of all inputs",
        ("runtime", "graph or task", "output", "cosine", "SQNR dB", "IoU", "PQ", "status"),
        [*_tensor_rows(report.tensors), *_task_rows(report.tasks)],
    )
    for line in report.not_run():
        show(line)
    if benign := report.lines("benign"):
        show(f"{len(benign)} benign: misses that hang on rounding in the reference itself; see parity.json")
    show(verdict(report))


def problem_lines(manifest: Manifest, *, strict: bool) -> list[str]:
    """Gives a line for each missed gate and, in a strict export, for each problem of placement."""
    failures = manifest.parity.failures if manifest.parity else ()
    return [f"FAILED {line}" for line in (*failures, *(placement_problems(manifest) if strict else ()))]


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
    """One line on the heaviest operators outside the delegate, and one per problem."""
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
    for problem in entry.delegation.problems():
        yield f"note: {entry.contract.graph}: {problem}"


def _origin(modules: tuple[str, ...]) -> str:
    if not modules:
        return ""
    more = ", ..." if len(modules) > _SHOWN_MODULES else ""
    return f" ({', '.join(modules[:_SHOWN_MODULES])}{more})"


def _tensor_rows(rows: Iterable[TensorParity]) -> list[tuple[str, ...]]:
    """The row of least SQNR for each runtime and graph, a failed one before others."""
    worst: dict[tuple[str, str], TensorParity] = {}
    for row in rows:
        place = (row.runtime, row.graph)
        if row.status != "not run" and (place not in worst or _badness(row) > _badness(worst[place])):
            worst[place] = row
    return [
        (
            row.runtime,
            row.graph,
            row.output,
            _figure(row.cosine, ".6f"),
            _figure(row.sqnr_db, ".1f"),
            "-",
            "-",
            row.status,
        )
        for row in worst.values()
    ]


def _badness(row: TensorParity) -> tuple[bool, float]:
    # Without any error there is no ratio.
    return row.status == "failed", float("-inf") if row.sqnr_db is None else -row.sqnr_db


def _task_rows(rows: Iterable[TaskParity]) -> list[tuple[str, ...]]:
    """The least figures of each runtime and task over all inputs, those aside whose figures mean nothing."""
    groups: dict[tuple[str, str], list[TaskParity]] = {}
    for row in rows:
        if row.status != "not run":
            groups.setdefault((row.runtime, row.task), []).append(row)
    return [
        (
            *place,
            "-",
            "-",
            "-",
            _least(row.mask_iou for row in group if row.status != "not meaningful"),
            _least(row.pq for row in group if row.status != "not meaningful"),
            _verdict([row.status for row in group]),
        )
        for place, group in groups.items()
    ]


def _least(values: Iterable[float | None]) -> str:
    return _figure(min((value for value in values if value is not None), default=None), ".4f")


def _verdict(statuses: list[str]) -> str:
    """One word for several inputs, the worst; not meaningful only if all are."""
    for status in ("failed", "benign", "passed"):
        if status in statuses:
            return status
    return statuses[0]


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)
