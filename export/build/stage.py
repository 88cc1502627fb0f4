"""One stage of a bundle: taken from the cache of earlier runs, or made."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

from rapsam.export.build.cache import Note, StageCache
from rapsam.export.build.inputs import BuildInputs
from rapsam.export.build.plan import ExportPlan

Progress = Callable[[str], None]
Record = TypeVar("Record", bound=msgspec.Struct)


def say_nothing(line: str) -> None:
    """Is told a step that nobody wants to read."""
    del line


class NoRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For a stage that makes nothing but files."""


class StageContext(msgspec.Struct, frozen=True, kw_only=True):
    """Where and from what the stages of one bundle are made.

    Attributes:
        inputs: The network and the images.
        plan: The bundle to be made.
        folder: The unfinished bundle.
        cache: Finished stages of other runs; None to make everything.
        progress: Gets one line per step.
        note: Gets what must stay to be read: what goes wrong with the cache.
    """

    inputs: BuildInputs
    plan: ExportPlan
    folder: Path
    cache: StageCache | None
    progress: Progress
    note: Note


def run_stage(
    context: StageContext,
    key: str,
    name: str,
    kind: type[Record],
    make: Callable[[Path], Record],
    keep: Callable[[Record], bool] = lambda _record: True,
    problem_of: Callable[[Record, Path], str | None] = lambda _record, _folder: None,
) -> Record:
    """Takes a stage from the cache, or makes it and keeps it, if it may; its files end in the bundle.

    Args:
        context: Of the bundle.
        key: Digest of all that decides the stage.
        name: For people.
        kind: Of its record.
        make: Makes the files of the stage in a folder, and its record.
        keep: Says whether a record may be kept for other runs.
        problem_of: Says what is wrong with a record that was kept, beside the files that were kept with it.
    """

    def stored_problem(stored: bytes) -> str | None:
        return problem_of(msgspec.json.decode(stored, type=kind), work)

    work = Path(tempfile.mkdtemp(prefix=".stage.", dir=context.folder))
    try:
        stored = context.cache and context.cache.take(key, work, context.note, stored_problem)
        if stored:
            context.progress(f"{name}: made before, taken from the cache")
            record = msgspec.json.decode(stored, type=kind)
        else:
            record = make(work)
            if context.cache and keep(record):
                context.cache.put(key, work, msgspec.json.encode(record), context.note)
        for made in work.iterdir():
            made.rename(context.folder / made.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return record
