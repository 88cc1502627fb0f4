"""What is known of the speed of promptable networks beside the exports of their authors."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from rapsam.benchmarks.measuring.records import RESULTS, SCHEMA_VERSION, Versioned, records_or
from rapsam.machine import Machine

FILE = RESULTS / "sam_speed.json"
COMMAND = "python -m rapsam.benchmarks.studies.sam_speed BUNDLE BUNDLE BUNDLE"


class StageBeside(msgspec.Struct, frozen=True, kw_only=True):
    """A stage of a bundle beside something else; both ran in turns.

    Attributes:
        stage: As `rapsam bench` names it.
        beside: What it is compared with.
        ms: Median of the stage, milliseconds.
        beside_ms: Median of the other, milliseconds.
        ratio: Median of the ratios of neighbouring turns, the stage over the other.
        limit: Largest ratio that was asked for; None where none was.
    """

    stage: str
    beside: str
    ms: float
    beside_ms: float
    ratio: float
    limit: float | None


class SamSpeedRun(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle beside the exports of the same network by its authors' recipe.

    Attributes:
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Real runtimes only.
        model: Variant.
        recipe: Of the bundle.
        size: Image height and width.
        threads: CPU threads of all.
        rounds: Turns that all had.
        load_average: Running processes over the minute before; near 0 on a quiet machine.
        tool_versions: Packages that ran.
        macs: Graph to its multiply-adds, as published and as it was lowered.
        stages: What was compared.
    """

    created_utc: str
    machine: Machine
    provenance: Literal["measured"] = "measured"
    model: str
    recipe: str
    size: tuple[int, int]
    threads: int
    rounds: int
    load_average: float
    tool_versions: dict[str, str]
    macs: dict[str, tuple[int, int]]
    stages: tuple[StageBeside, ...]


class SamSpeedRecords(Versioned, frozen=True, kw_only=True):
    """Content of `results/sam_speed.json`: the last run of each network."""

    runs: tuple[SamSpeedRun, ...] = ()


def known_sam_speed(path: Path = FILE) -> SamSpeedRecords:
    """Reads what was measured so far; nothing where there is no file.

    Raises:
        InputError: If it is damaged.
    """
    return records_or(path, SamSpeedRecords(schema_version=SCHEMA_VERSION, command=COMMAND))
