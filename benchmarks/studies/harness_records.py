"""What is known of the harness itself, and of networks beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from rapsam.benchmarks.measuring.records import RESULTS, SCHEMA_VERSION, Versioned, records_or
from rapsam.machine import Machine

FILE = RESULTS / "harness.json"
COMMAND = "python -m rapsam.benchmarks.studies.harness --bundle NANO --large R18 --peers FILE FILE"
Question = Literal["overhead", "repeated", "browser", "peers"]


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """Two times, taken in turns; those of a browser between two runs of the other.

    Attributes:
        question: What it answers.
        what: The stage that was timed.
        subject: Whose time it is.
        beside: What it is compared with.
        subject_ms: Median, milliseconds.
        beside_ms: Median, milliseconds.
        ratio: The subject's time over the other's: of the medians, or, where both took many turns, the median
            of the ratios of neighbours, which a slow minute does not move.
        limit: Largest ratio that was asked for; None where none was.
        created_utc: When, ISO 8601.
        machine: Where.
        load_average: Running processes over the minute before; near 0 on a quiet machine.
        provenance: Real runtimes only.
    """

    question: Question
    what: str
    subject: str
    beside: str
    subject_ms: float
    beside_ms: float
    ratio: float
    limit: float | None
    created_utc: str
    machine: Machine
    load_average: float
    provenance: Literal["measured"] = "measured"


class HarnessRecords(Versioned, frozen=True, kw_only=True):
    """Content of `results/harness.json`.

    Attributes:
        ratios: All that was measured.
        not_run: Question to the reason why it has no answer.
    """

    ratios: tuple[Ratio, ...] = ()
    not_run: dict[Question, str] = msgspec.field(default_factory=dict)


def known_harness(path: Path = FILE) -> HarnessRecords:
    """Reads what was measured so far; nothing where there is no file.

    Raises:
        InputError: If it is damaged.
    """
    return records_or(path, HarnessRecords(schema_version=SCHEMA_VERSION, command=COMMAND))
