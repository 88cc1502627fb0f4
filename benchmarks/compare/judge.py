"""Judging the figures of one run against those of the same run before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from rapsam.benchmarks.compare.comparison import Limits, Outcome, Row, Unit
from rapsam.benchmarks.compare.interval import MIN_SAMPLES, ratio_of_medians
from rapsam.benchmarks.compare.run import Delegated, Quality, Run
from rapsam.benchmarks.latency.record import StageTimes

EXACT_DB = 80.0
"""Above it outputs differ by the order of float32 sums alone, which any version of a runtime may change."""
_Figure = TypeVar("_Figure")


def judge_pair(before: Run, after: Run, limits: Limits) -> Iterator[Row]:
    """Yields a row for each figure that is in either run.

    Args:
        before: The run that was good enough.
        after: The same, later.
        limits: By how much it may be worse.
    """
    name = _name(before, after)
    yield from _failures(name, before, after)
    yield _size(name, before, after, limits)
    for stage, old, new in _paired(before.stages, after.stages):
        if old is None or new is None:
            medians = (None if times is None else times.ms.p50 for times in (old, new))
            yield _one_sided(name, stage, "ms", *medians, is_new=old is None)
        else:
            yield _time(name, stage, (old, new), (before, after), limits)
    if before.images != after.images:
        note = "parity was checked on other images: export both with the same"
        yield Row(run=name, figure="fidelity", unit="none", verdict="not comparable", note=note)
    else:
        yield from _qualities(name, before, after, limits)
    for graph, share, now in _paired(before.delegated, after.delegated):
        yield _share(name, f"{graph}, delegated", share, now, limits)


def _qualities(name: str, before: Run, after: Run, limits: Limits) -> Iterator[Row]:
    for output, worst, found in _paired(before.outputs, after.outputs):
        yield _quality(name, output, "dB", worst, found, limits.sqnr_drop_db)
    for task, worst, found in _paired(before.tasks, after.tasks):
        yield _quality(name, f"task {task}", "quality", worst, found, limits.quality_drop)


def _name(before: Run, after: Run) -> str:
    if before.version == after.version:
        return after.name
    versions = (run.version or "unknown" for run in (before, after))
    return f"{after.name} (version {' to '.join(versions)})"


def _paired(
    before: Mapping[str, _Figure], after: Mapping[str, _Figure]
) -> Iterator[tuple[str, _Figure | None, _Figure | None]]:
    for name in dict.fromkeys((*before, *after)):
        yield name, before.get(name), after.get(name)


def _failures(name: str, before: Run, after: Run) -> Iterator[Row]:
    if after.error is not None:
        again = before.error is not None
        note = f"failed{' in both' if again else ''}: {after.error}"
        yield Row(run=name, figure="run", unit="none", verdict="not decided" if again else "worse", note=note)
    elif before.error is not None:
        yield Row(run=name, figure="run", unit="none", verdict="ok", note="failed before, and does no more")


def _one_sided(
    name: str, figure: str, unit: Unit, before: float | None, after: float | None, *, is_new: bool
) -> Row:
    verdict: Outcome = "new" if is_new else "missing"
    note = "only after" if is_new else "only before: measure it again, or compare without it"
    return Row(run=name, figure=figure, unit=unit, before=before, after=after, verdict=verdict, note=note)


def _size(name: str, before: Run, after: Run, limits: Limits) -> Row:
    ratio = after.size_bytes / before.size_bytes if before.size_bytes else None
    worse = ratio is not None and ratio > limits.larger
    return Row(
        run=name,
        figure="size",
        unit="bytes",
        before=before.size_bytes,
        after=after.size_bytes,
        ratio=ratio,
        verdict="worse" if worse else "ok",
    )


def _time(
    name: str, stage: str, times: tuple[StageTimes, StageTimes], runs: tuple[Run, Run], limits: Limits
) -> Row:
    """A time is worse only where the whole interval of the ratio is beyond the limit."""
    old, new = times
    found = ratio_of_medians(old.samples_ms, new.samples_ms, (runs[0].turns, runs[1].turns))
    verdict: Outcome = "not decided"
    if found is None:
        note = f"fewer than {MIN_SAMPLES} samples, or medians of 0"
    elif not all(run.times_count for run in runs):
        note = "too few samples, or too short: raise --iters or --min-seconds"
    elif found.low > limits.slower:
        verdict, note = "worse", f"limit {limits.slower:g}"
    elif found.high > limits.slower:
        note = f"the limit {limits.slower:g} lies in the interval: measure longer"
    else:
        verdict, note = "ok", ""
    return Row(
        run=name,
        figure=stage,
        unit="ms",
        before=old.ms.p50,
        after=new.ms.p50,
        ratio=found and found.ratio,
        ratio_low=found and found.low,
        ratio_high=found and found.high,
        verdict=verdict,
        note=note,
    )


def _quality(
    name: str, figure: str, unit: Unit, before: Quality | None, after: Quality | None, allowed: float
) -> Row:
    if before is None or after is None:
        figures = (None if quality is None else quality.figure for quality in (before, after))
        return _one_sided(name, figure, unit, *figures, is_new=before is None)
    verdict, note = _quality_verdict(unit, before, after, allowed)
    return Row(
        run=name,
        figure=figure,
        unit=unit,
        before=before.figure,
        after=after.figure,
        verdict=verdict,
        note=note,
    )


def _quality_verdict(unit: Unit, before: Quality, after: Quality, allowed: float) -> tuple[Outcome, str]:
    if after.status == "failed":
        if before.status == "failed" and not _dropped(unit, before, after, allowed):
            return "not decided", "missed its gate before, too"
        return "worse", "misses its gate"
    if before.status not in ("failed", "not run") and after.status == "not run":
        return "missing", "was not run"
    if _dropped(unit, before, after, allowed):
        return "worse", f"limit {allowed:g}"
    return "ok", "" if before.status == after.status else f"{before.status}, now {after.status}"


def _dropped(unit: Unit, before: Quality, after: Quality, allowed: float) -> bool:
    if after.figure is None:  # nothing differs, or nothing could be compared, which its status says
        return False
    if unit == "dB":
        best = EXACT_DB if before.figure is None else min(before.figure, EXACT_DB)
        return after.figure < best - allowed
    return before.figure is not None and after.figure < before.figure - allowed


def _share(name: str, figure: str, before: Delegated | None, after: Delegated | None, limits: Limits) -> Row:
    if before is None or after is None:
        shares = (None if delegated is None else delegated.share for delegated in (before, after))
        return _one_sided(name, figure, "share", *shares, is_new=before is None)
    verdict: Outcome = "ok"
    note = ""
    if before.provenance != after.provenance:
        verdict, note = "not comparable", f"{before.provenance}, now {after.provenance}"
    elif after.share < before.share - limits.delegated_drop:
        verdict, note = "worse", f"limit {limits.delegated_drop:g}"
    return Row(
        run=name,
        figure=figure,
        unit="share",
        before=before.share,
        after=after.share,
        verdict=verdict,
        note=note,
    )
