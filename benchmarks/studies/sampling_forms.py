"""Times the encoder with each form of sampling in each runtime: why every recipe has the form that it has.

    python -m rapsam.benchmarks.studies.sampling_forms

`rapsam.benchmarks.report.tables` writes the table of docs/rewrites.md from the record.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import msgspec

from rapsam.benchmarks.measuring.records import RESULTS, SCHEMA_VERSION, Versioned, now_utc, write_records
from rapsam.benchmarks.measuring.timing import in_turns, seconds_per_pass
from rapsam.benchmarks.studies.runtime_speed import PAUSE_S
from rapsam.benchmarks.studies.speed_lowering import WEIGHTS
from rapsam.benchmarks.studies.speed_records import LOWERED, Quartiles, quartiles
from rapsam.contract import Sampling
from rapsam.errors import RapSamError
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import find_recipe
from rapsam.export.backends.lower_graph import lower_graph
from rapsam.machine import Machine, this_machine
from rapsam.models.build import build_model, deployment_of

FILE = RESULTS / "sampling_forms.json"
COMMAND = "python -m rapsam.benchmarks.studies.sampling_forms"
GRAPH = "encoder"
THREADS = 1
_AT_LEAST_S = 0.2


class FormTiming(msgspec.Struct, frozen=True, kw_only=True):
    """One form in one runtime.

    Attributes:
        target: As in `rapsam.export.backends.catalogue.TARGETS`.
        sampling: The form.
        ms: Time of a pass, or None if it did not run.
        not_run: Why it did not run, or None.
    """

    target: str
    sampling: Sampling
    ms: Quartiles | None
    not_run: str | None


class SamplingRecords(Versioned, frozen=True, kw_only=True):
    """Content of `results/sampling_forms.json`: all forms in all runtimes, in fp32, timed in turns.

    Attributes:
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Real runtimes only.
        model: Variant.
        size: Image height and width.
        threads: CPU threads of every runtime.
        rounds: Turns that everyone had.
        load_average: Running processes over the minute before; near 0 on a quiet machine.
        tool_versions: Packages that lowered and ran, per target.
        timings: One per target and form.
    """

    created_utc: str
    machine: Machine
    provenance: Literal["measured"] = "measured"
    model: str
    size: tuple[int, int]
    threads: int
    rounds: int
    load_average: float
    tool_versions: dict[str, dict[str, str]]
    timings: tuple[FormTiming, ...]


def main() -> None:
    """Measures R18 at 640x640 and writes the record."""
    write_records(FILE, measure("rapsam_r18", (640, 640), LOWERED, rounds=9))


def measure(model: str, size: tuple[int, int], targets: tuple[str, ...], rounds: int) -> SamplingRecords:
    """Lowers the encoder with every form for every target, and times them in turns."""
    with tempfile.TemporaryDirectory() as folder:
        made = {
            (target, form): _lowered(model, size, target, form, Path(folder))
            for target in targets
            for form in get_args(Sampling)
        }
        passes = {key: run for key, run in made.items() if not isinstance(run, str)}
        load_average = round(os.getloadavg()[0], 2)
        visits = {key: functools.partial(seconds_per_pass, run, _AT_LEAST_S) for key, run in passes.items()}
        times = in_turns(visits, rounds, lambda: time.sleep(PAUSE_S))
    return SamplingRecords(
        schema_version=SCHEMA_VERSION,
        command=COMMAND,
        created_utc=now_utc(),
        machine=this_machine(),
        model=model,
        size=size,
        threads=THREADS,
        rounds=rounds,
        load_average=load_average,
        tool_versions={target: find_backend(target).tool_versions() for target in targets},
        timings=tuple(
            _timing(*key, run if isinstance(run, str) else times[key]) for key, run in made.items()
        ),
    )


def _lowered(
    model: str, size: tuple[int, int], target: str, form: Sampling, folder: Path
) -> Callable[[], object] | str:
    """Returns one pass of a form in a runtime, or the reason why there is none."""
    backend = find_backend(target)
    deployment = deployment_of(build_model(model, checkpoint=WEIGHTS))
    module, contract = deployment.build_graph(GRAPH, size, 1, form)
    path = folder / f"{form}{backend.suffix}"
    try:
        lower_graph(module, contract, find_recipe(target, "fp32"), path, lambda _step: None)
        runner = backend.load(path, contract, THREADS)
    except RapSamError as error:
        return str(error).replace(f"{folder}/", "")
    return functools.partial(runner.run, contract.example_inputs())


def _timing(target: str, form: Sampling, times: list[float] | str) -> FormTiming:
    ms = quartiles(times) if isinstance(times, list) else None
    return FormTiming(target=target, sampling=form, ms=ms, not_run=times if isinstance(times, str) else None)


if __name__ == "__main__":
    main()
