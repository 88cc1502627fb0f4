"""What a comparison says: a row for each figure, with a verdict.

    python -m rapsam.benchmarks.compare.comparison

writes its JSON Schema anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from rapsam.files import write_atomic
from rapsam.json_schema import schema_text

SCHEMA_VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("comparison.schema.json")

Outcome = Literal["ok", "worse", "not decided", "missing", "not comparable", "new"]
FAILING: tuple[Outcome, ...] = ("worse", "missing", "not comparable")
"""What was there before and is not confirmed now. What is new, or not decided, does not fail."""
Unit = Literal["ms", "bytes", "dB", "share", "quality", "none"]


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By how much a figure may get worse.

    Attributes:
        slower: Largest ratio of medians. Two runs of one bundle differ by up to 5 % on a machine that does
            nothing else.
        larger: Largest ratio of sizes.
        sqnr_drop_db: Largest loss of an output, in dB; 3 dB are an error of twice the power.
        quality_drop: Largest loss of a task's PQ or mask IoU, both from 0 to 1.
        delegated_drop: Largest loss of a share of the multiply-adds, from 0 to 1.
    """

    slower: Annotated[float, msgspec.Meta(ge=1, le=100)] = 1.10
    larger: Annotated[float, msgspec.Meta(ge=1, le=100)] = 1.05
    sqnr_drop_db: Annotated[float, msgspec.Meta(ge=0, le=1000)] = 3.0
    quality_drop: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.02
    delegated_drop: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One figure, before and after.

    Attributes:
        run: What it is of, for people.
        figure: What it is, as in "size" or "graph encoder".
        unit: Of both values; "none" where a row is about the run itself.
        before: Null where it is not known, or there is none.
        after: The same.
        ratio: After by before, for times and sizes; null for others, whose difference is judged.
        ratio_low: Lower end of the 95 % interval of the ratio, for times.
        ratio_high: Upper end.
        verdict: See `FAILING`.
        note: What else there is to say; empty if nothing.
    """

    run: str
    figure: str
    unit: Unit
    before: float | None = None
    after: float | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    verdict: Outcome
    note: str = ""


class Comparison(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All rows, and the limits that they were judged by.

    Attributes:
        schema_version: Of this format.
        limits: See there.
        pairs: Runs that are in both.
        rows: Run by run.
    """

    schema_version: int
    limits: Limits
    pairs: int
    rows: tuple[Row, ...]

    @property
    def failed(self) -> tuple[Row, ...]:
        """Rows that a gate must stop at."""
        return tuple(row for row in self.rows if row.verdict in FAILING)


if __name__ == "__main__":
    write_atomic(SCHEMA_FILE, schema_text(Comparison))
