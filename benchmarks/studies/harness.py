"""Measures the harness itself, and peers beside a bundle: what is compared takes turns in one run.

    rapsam export --model rapsam_nano --checkpoint nano-synth --size 256x256 --target onnx --out bundles
    python -m rapsam.benchmarks.studies.harness --bundle bundles/onnx-fp32

- What the readings of the clock of `rapsam bench` add to a graph, beside a plain loop around the same call.
- Two runs of one bundle: what a difference must exceed to mean anything.
- ONNX Runtime in a headless Chromium on this machine, on one thread. It takes no turns with the native one,
  which runs once before and once after it.
- With `--large` and `--peers`: the tasks of another bundle beside ONNX files of other networks.

Answers of an earlier run to questions that are not asked now are kept. `rapsam.benchmarks.report.tables`
writes the table of docs/latency.md from the record.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from rapsam.benchmarks.latency.bundle_subject import bundle_subject
from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.names import runtime_name
from rapsam.benchmarks.latency.record import LatencyRecord, StageTimes
from rapsam.benchmarks.latency.sampling import sample
from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, now_utc, write_records
from rapsam.benchmarks.measuring.timing import all_in_turns, seconds_per_pass
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.local import LocalRunner
from rapsam.benchmarks.studies.harness_browser import in_chromium
from rapsam.benchmarks.studies.harness_records import (
    COMMAND,
    FILE,
    HarnessRecords,
    Question,
    Ratio,
    known_harness,
)
from rapsam.errors import RapSamError, UnavailableError
from rapsam.export.backends.catalogue import RUNTIMES
from rapsam.machine import this_machine

THREADS = 1
ROUNDS = 20
_VISIT_S = 0.3
_PAUSE_S = 0.05
_TIMING = Timing(iters=100, min_seconds=2.0)
_WHOLE = ("end_to_end", "click")
_MOST_OVERHEAD, _MOST_APART, _MOST_IN_BROWSER = 1.01, 1.05, 6.0
_LONG_MS = 10.0
"""Of the graphs for which an overhead is asked: the clock's own time is a share of a short one."""
_MS, _NS = 1e3, 1e9
Ask = Callable[[], Iterable[Ratio]]


def main() -> None:
    """Asks the questions that the options allow, and writes the record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--bundle", type=Path, help="an onnx-fp32 bundle of a small network")
    parser.add_argument("--large", type=Path, help="the bundle that peers are compared with")
    parser.add_argument("--peers", type=Path, nargs="+", default=[], help="ONNX files of other networks")
    names = get_args(Question)
    parser.add_argument("--questions", nargs="+", choices=names, default=names, help="default: all")
    options = parser.parse_args()
    questions: dict[Question, Ask] = {}
    if options.bundle:
        questions["overhead"] = partial(overhead, options.bundle)
        questions["repeated"] = partial(repeated, options.bundle)
        questions["browser"] = partial(beside_browser, options.bundle)
    if options.large and options.peers:
        questions["peers"] = partial(beside_peers, options.large, options.peers)
    asked = {name: answer for name, answer in questions.items() if name in options.questions}
    write_records(FILE, ask(asked, known_harness()))


def ask(questions: Mapping[Question, Ask], before: HarnessRecords) -> HarnessRecords:
    """Asks questions, and keeps what is known of others.

    Args:
        questions: What answers each.
        before: What was known.
    """
    kept = [ratio for ratio in before.ratios if ratio.question not in questions]
    not_run = {name: reason for name, reason in before.not_run.items() if name not in questions}
    for name, question in questions.items():
        print(f"{name} ...", flush=True)
        try:
            kept += question()
        except RapSamError as error:
            not_run[name] = str(error)
    return HarnessRecords(schema_version=SCHEMA_VERSION, command=COMMAND, ratios=tuple(kept), not_run=not_run)


def overhead(bundle: Path, rounds: int = ROUNDS) -> Iterator[Ratio]:
    """Times every graph by the harness' loop, which reads the clock around each run, beside a plain loop.

    Both run the same loaded graph: two that are loaded apart differ by more than what is looked for.

    Args:
        bundle: For ONNX Runtime.
        rounds: Turns that both take.
    """
    subject = bundle_subject(bundle, RUNTIMES["onnx"][0], THREADS)
    stages = {stage.of: stage.run for stage in subject.stages if stage.kind == "graph"}
    for graph in subject.graphs:
        name = graph.contract.graph
        visits = {
            "harness": partial(_harness_pass, stages[name]),
            "plain": partial(seconds_per_pass, stages[name], _VISIT_S),
        }
        harness, plain = all_in_turns(visits, rounds, lambda: time.sleep(_PAUSE_S)).values()
        names, medians = ("rapsam bench", "a plain loop"), (_median_ms(harness), _median_ms(plain))
        ratio = statistics.median(ours / theirs for ours, theirs in zip(harness, plain, strict=True))
        limit = _MOST_OVERHEAD if medians[1] >= _LONG_MS else None
        yield _ratio("overhead", f"graph {name}", names, medians, limit, ratio)


def repeated(bundle: Path, timing: Timing = _TIMING) -> Iterator[Ratio]:
    """Times a bundle against itself, in two processes that take turns."""
    first, second = _native([bundle, bundle], timing)
    for one, other in zip(second.stages, first.stages, strict=True):
        names = "the second run", "the first run"
        yield _ratio("repeated", one.name, names, (one.ms.p50, other.ms.p50), _MOST_APART)


def beside_browser(bundle: Path) -> Iterator[Ratio]:
    """Times a bundle in a browser, between two runs of the native runtime, whose mean it is compared with."""
    before = _native([bundle])[0]
    inside = in_chromium(bundle, _TIMING)
    after = _native([bundle])[0]
    for stage in inside.stages:
        natives = [_stage(record, stage.name) for record in (before, after)]
        medians = [native.ms.p50 for native in natives if native is not None]
        if medians and stage.mode == "burst":
            names = runtime_name(inside), runtime_name(before)
            limit = _MOST_IN_BROWSER if stage.kind == "graph" else None
            times = stage.ms.p50, statistics.fmean(medians)
            yield _ratio("browser", stage.name, names, times, limit)


def beside_peers(bundle: Path, peers: Sequence[Path], timing: Timing = _TIMING) -> Iterator[Ratio]:
    """Times the tasks of a bundle beside other networks, all in one run that takes turns."""
    ours, *theirs = _native([bundle, *peers], timing)
    for peer in theirs:
        for stage in ours.stages:
            if stage.kind in _WHOLE:
                names = f"{ours.model.name}, {ours.model.precision}", peer.model.file
                yield _ratio("peers", stage.name, names, (stage.ms.p50, peer.stages[0].ms.p50), None)


def _native(paths: Sequence[Path], timing: Timing = _TIMING) -> tuple[LatencyRecord, ...]:
    """Runs bundles or files in ONNX Runtime, in turns.

    Raises:
        UnavailableError: If one of them fails.
    """
    variants = [Variant(path, RUNTIMES["onnx"][0].name, THREADS) for path in paths]
    records = LocalRunner().measure(variants, timing, None, COMMAND, print)
    for record in records:
        if record.error is not None:
            raise UnavailableError(f"{record.model.file}: {record.error}")
    return records


def _harness_pass(run: Callable[[], object]) -> float:
    return statistics.fmean(sample(run, 1, _VISIT_S, _VISIT_S)) / _NS


def _median_ms(seconds: list[float]) -> float:
    return _MS * statistics.median(seconds)


def _stage(record: LatencyRecord, name: str) -> StageTimes | None:
    return next((stage for stage in record.stages if stage.name == name and stage.mode == "burst"), None)


def _ratio(
    question: Question,
    what: str,
    names: tuple[str, str],
    times_ms: tuple[float, float],
    limit: float | None,
    ratio: float | None = None,
) -> Ratio:
    """Makes a record; without a ratio of its own, of the medians."""
    return Ratio(
        question=question,
        what=what,
        subject=names[0],
        beside=names[1],
        subject_ms=round(times_ms[0], 4),
        beside_ms=round(times_ms[1], 4),
        ratio=round(times_ms[0] / times_ms[1] if ratio is None else ratio, 4),
        limit=limit,
        created_utc=now_utc(),
        machine=this_machine(),
        load_average=round(os.getloadavg()[0], 2),
    )


if __name__ == "__main__":
    main()
