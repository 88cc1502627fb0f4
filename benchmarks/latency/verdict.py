"""Which of several runs is the one to take: the fastest of those that are right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rapsam.benchmarks.latency.record import LatencyRecord, StageTimes


class Fastest(NamedTuple):
    """The fastest correct run.

    Attributes:
        record: It.
        stage: By which stage it was chosen, in bursts.
        margin: p50 of the next correct run over its own; None if there is no other.
    """

    record: LatencyRecord
    stage: StageTimes
    margin: float | None


def fastest_correct(records: Sequence[LatencyRecord]) -> Fastest | None:
    """Finds the fastest run whose self-test did not fail, by the median of a whole task, or of a first stage.

    Runs with times that may not be believed, of emulators, and without a self-test cannot be chosen.

    Args:
        records: Of one bundle, or of several that do the same.
    """
    able = [record for record in records if record.is_right and record.validity is not None]
    stages = [headline(record) for record in able]
    found = [
        (stage, record)
        for stage, record in zip(stages, able, strict=True)
        if stage is not None and record.provenance == "measured" and _is_valid(record)
    ]
    if not found:
        return None
    first = found[0][0].name
    ranked = sorted((pair for pair in found if pair[0].name == first), key=lambda pair: pair[0].ms.p50)
    (stage, record), rest = ranked[0], ranked[1:]
    best = stage.ms.p50
    return Fastest(record, stage, rest[0][0].ms.p50 / best if rest and best else None)


def has_failed(records: Sequence[LatencyRecord], *, swept: bool) -> bool:
    """Tells whether what was asked for has failed.

    Args:
        records: Of one command.
        swept: Whether they are all that a device offers, of which one correct run per model is wanted; else
            each of them was asked for by name.
    """
    if not swept:
        return any(record.status == "failed" for record in records)
    models = {record.model.sha256 for record in records}
    return models != {record.model.sha256 for record in records if record.status == "done"}


def headline(record: LatencyRecord) -> StageTimes | None:
    """Returns the stage that says most of a run, in bursts: the first whole task, else its graphs."""
    burst = [stage for stage in record.stages if stage.mode == "burst"]
    whole, graphs = ([stage for stage in burst if stage.kind == kind] for kind in ("end_to_end", "pipeline"))
    return next(iter([*whole, *graphs, *burst]), None)


def _is_valid(record: LatencyRecord) -> bool:
    valid = record.validity
    return valid is not None and valid.min_count_met and valid.min_duration_met
