"""Times bundles of promptable networks beside the graphs that their authors export.

    rapsam export --model repvit_sam --target onnx --precision fp32 --out bundles
    python -m rapsam.benchmarks.studies.sam_speed bundles/onnx-fp32

Both have weights by formula: times do not hang on them. Each bundle's encoder, decoder and whole click take
turns with the others' encoder and their decoder, which enlarges its masks inside.
`rapsam.benchmarks.report.tables` writes the table of docs/sam.md from the record.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rapsam.benchmarks.latency.bundle_subject import bundle_subject, timed_scene
from rapsam.benchmarks.latency.file_subject import file_subject
from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, now_utc, write_records
from rapsam.benchmarks.measuring.timing import all_in_turns, seconds_per_pass
from rapsam.benchmarks.studies.runtime_speed import PAUSE_S
from rapsam.benchmarks.studies.sam_exports import export_decoder, export_encoder
from rapsam.benchmarks.studies.sam_speed_records import (
    COMMAND,
    FILE,
    SamSpeedRecords,
    SamSpeedRun,
    StageBeside,
    known_sam_speed,
)
from rapsam.benchmarks.studies.speed_lowering import WEIGHTS
from rapsam.errors import InputError, RapSamError, quoted
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.export.backends.packages import installed_versions
from rapsam.export.bundle.manifest import Manifest
from rapsam.export.bundle.seal import verify_runnable
from rapsam.machine import this_machine
from rapsam.models.build import build_model
from rapsam.models.sam.model import Sam
from rapsam.tasks.preprocess import fitted

THREADS = 2
RECIPE = "onnx-fp32"
"""Theirs are fp32, too."""
ROUNDS = 15
THEIR_ENCODER, THEIR_DECODER = "their encoder", "their decoder, masks enlarged inside"
_VISIT_S = 0.5
_MOST_OF_ENCODER = {"repvit_sam": 0.90, "mobile_sam": 0.90, "edge_sam_bilinear": 0.92}
_MOST_OF_DECODER = 0.6
_MS = 1e3
_PACKAGES = ("torch", "onnx", "onnxruntime", "numpy")
Visits = dict[str, Callable[[], float]]


class Comparison(NamedTuple):
    """What is compared with what.

    Attributes:
        stage: Of the bundle.
        beside: Another stage of it, or one of theirs.
        limit: Largest ratio that is asked for.
    """

    stage: str
    beside: str
    limit: float | None


def main() -> None:
    """Measures bundles and keeps what is known of other networks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("bundles", type=Path, nargs="+", help="onnx-fp32 bundles of promptable networks")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="turns of each")
    options = parser.parse_args()
    try:
        for bundle in options.bundles:
            write_records(FILE, with_run(known_sam_speed(), measure(bundle, options.rounds)))
    except RapSamError as error:
        parser.error(str(error))


def with_run(records: SamSpeedRecords, run: SamSpeedRun) -> SamSpeedRecords:
    """Puts a run in the place of an earlier one of the same network."""
    others = [known for known in records.runs if known.model != run.model]
    runs = tuple(sorted((*others, run), key=lambda each: each.model))
    return SamSpeedRecords(schema_version=SCHEMA_VERSION, command=COMMAND, runs=runs)


def measure(bundle: Path, rounds: int = ROUNDS) -> SamSpeedRun:
    """Times a bundle beside the exports of its authors' recipe.

    Raises:
        InputError: If it is no bundle of this family.
        BundleError: If it is damaged, or the runtime refuses a graph.
        UnavailableError: If a run fails.
    """
    manifest = verify_runnable(bundle)
    name = manifest.model.name
    model = build_model(name, checkpoint=WEIGHTS)
    if not isinstance(model, Sam):
        raise InputError(f"{bundle} holds {quoted(name)}; expected a network of the kind of SAM")
    if manifest.recipe != RECIPE:
        raise InputError(f"{bundle} is of the recipe {quoted(manifest.recipe)}; expected {RECIPE}")
    load_average = round(os.getloadavg()[0], 2)
    compared = _comparisons(name)
    wanted = dict.fromkeys(each for pair in compared for each in (pair.stage, pair.beside))
    with tempfile.TemporaryDirectory() as folder:
        visits = {**_ours(bundle, wanted), **_theirs(model, manifest, Path(folder))}
        times = all_in_turns(visits, rounds, lambda: time.sleep(PAUSE_S))
    return SamSpeedRun(
        created_utc=now_utc(),
        machine=this_machine(),
        model=name,
        recipe=manifest.recipe,
        size=manifest.preprocess.size,
        threads=THREADS,
        rounds=rounds,
        load_average=load_average,
        tool_versions=installed_versions(_PACKAGES),
        macs={entry.contract.graph: (entry.macs_before, entry.macs_after) for entry in manifest.graphs},
        stages=tuple(_beside(each, times) for each in compared),
    )


def _comparisons(model: str) -> tuple[Comparison, ...]:
    return (
        Comparison("graph encoder", THEIR_ENCODER, _MOST_OF_ENCODER.get(model)),
        Comparison("graph decoder", THEIR_DECODER, _MOST_OF_DECODER),
        Comparison("click prompt", THEIR_DECODER, _MOST_OF_DECODER),
        Comparison("click prompt", "end_to_end prompt", None),
    )


def _ours(bundle: Path, wanted: Iterable[str]) -> Visits:
    subject = bundle_subject(bundle, RUNTIMES["onnx"][0], THREADS)
    named = {f"{stage.kind} {stage.of}": stage.run for stage in subject.stages}
    return {name: partial(seconds_per_pass, named[name], _VISIT_S) for name in wanted if name in named}


def _theirs(model: Sam, manifest: Manifest, folder: Path) -> Visits:
    encoder, decoder = folder / "encoder.onnx", folder / "decoder.onnx"
    geometry = fitted(timed_scene(), manifest.preprocess).geometry
    export_encoder(model, max(manifest.preprocess.size), encoder)
    export_decoder(model, geometry, decoder)
    visits: Visits = {}
    for name, path in ((THEIR_ENCODER, encoder), (THEIR_DECODER, decoder)):
        subject = file_subject(path, RUNTIMES["onnx"][0], THREADS)
        visits[name] = partial(seconds_per_pass, subject.stages[0].run, _VISIT_S)
    return visits


def _beside(compared: Comparison, times: dict[str, list[float]]) -> StageBeside:
    ours, theirs = times[compared.stage], times[compared.beside]
    return StageBeside(
        stage=compared.stage,
        beside=compared.beside,
        ms=round(_MS * statistics.median(ours), 3),
        beside_ms=round(_MS * statistics.median(theirs), 3),
        ratio=round(statistics.median(one / other for one, other in zip(ours, theirs, strict=True)), 4),
        limit=compared.limit,
    )


if __name__ == "__main__":
    main()
