"""Finding for each run the same run of another measurement."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.compare.comparison import SCHEMA_VERSION, Comparison, Limits, Row
from rapsam.benchmarks.compare.judge import judge_pair
from rapsam.benchmarks.compare.run import Key, Place, Run, read_runs
from rapsam.errors import InputError


class _Identity(NamedTuple):
    key: Key
    file: str


def compare(before: Path, after: Path, limits: Limits) -> Comparison:
    """Compares two files of records, or two bundles by what was measured when they were made.

    Runs are the same if they ran the same model by the same recipe in the same runtime, whatever its version,
    on the same unit with as many threads, on the same device. Where one measurement holds several of these,
    the name of the bundle tells them apart.

    Args:
        before: What was good enough.
        after: What is to be judged.
        limits: By how much it may be worse.

    Raises:
        BundleError: If a bundle is damaged.
        InputError: If one is a bundle and the other is not, a run occurs twice, or no run of one can be
            compared with any of the other.
    """
    if before.is_dir() != after.is_dir():
        folder, file = (before, after) if before.is_dir() else (after, before)
        raise InputError(f"{folder} is a folder and {file} is none; expected two bundles or two files")
    olds, news = _with_places(read_runs(before)), _with_places(read_runs(after))
    by_name = _need_names(olds) or _need_names(news)
    old, new = (_identified(path, runs, by_name) for path, runs in ((before, olds), (after, news)))
    rows: list[Row] = []
    pairs, apart = 0, list[str]()
    for identity, run in old.items():
        found = new.get(identity)
        if found is not None:
            pairs += 1
            rows += judge_pair(run, found, limits)
            continue
        other = next((place for key, place in new if key == identity[0]), None)
        if other is not None:
            apart.append(f"{run.name}: {run.place} against {other}")
        rows.append(_unpaired(run, other))
    rows += _only_after(old, new)
    if not pairs:
        why = apart[0] if apart else f"{olds[0].name} against {news[0].name}"
        raise InputError(
            f"no run of {before} can be compared with one of {after} ({why}); expected the same model, "
            "recipe, runtime, unit, threads and device: measure both alike"
        )
    return Comparison(schema_version=SCHEMA_VERSION, limits=limits, pairs=pairs, rows=tuple(rows))


def _with_places(runs: Sequence[Run]) -> Sequence[Run]:
    """Adds where they took place to the names of runs, where they took place at several."""
    if len({run.place.name for run in runs}) < 2:
        return runs
    return [run._replace(name=f"{run.name}, {run.place.name}") for run in runs]


def _unpaired(run: Run, other: Place | None) -> Row:
    if other is None:
        return Row(run=run.name, figure="run", unit="none", verdict="missing", note="only before")
    note = f"{run.place} against {other}"
    return Row(run=run.name, figure="run", unit="none", verdict="not comparable", note=note)


def _only_after(
    old: dict[tuple[_Identity, Place], Run], new: dict[tuple[_Identity, Place], Run]
) -> Iterator[Row]:
    known = {identity for identity, _ in old}
    for place, run in new.items():
        if place not in old and place[0] not in known:
            yield Row(run=run.name, figure="run", unit="none", verdict="new", note="only after")


def _need_names(runs: Sequence[Run]) -> bool:
    return len({(run.key, run.place) for run in runs}) < len(runs)


def _identified(path: Path, runs: Sequence[Run], by_name: bool) -> dict[tuple[_Identity, Place], Run]:
    found: dict[tuple[_Identity, Place], Run] = {}
    for run in runs:
        identity = _Identity(run.key, run.file if by_name else ""), run.place
        if identity in found:
            raise InputError(f"{path} holds {run.name} twice; expected one run of each: leave one out")
        found[identity] = run
    return found
