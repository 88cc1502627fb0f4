"""Times the fusion of the web page, in Node, beside NumPy's, and weighs what a frame of its live view leaves.

    python -m rapsam.benchmarks.studies.page_tasks

Both take turns, in processor time, on drawn logits of 20 things in a frame of 640x640: things that share out
the picture, and discs that lie over each other. Needs Node 20 or later.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import numpy as np

from rapsam.benchmarks.measuring.records import RESULTS, SCHEMA_VERSION, Versioned, now_utc, write_records
from rapsam.benchmarks.measuring.timing import all_in_turns, seconds_per_pass
from rapsam.benchmarks.studies.speed_passes import crowd
from rapsam.benchmarks.studies.speed_records import Quartiles, quartiles
from rapsam.errors import RapSamError, UnavailableError
from rapsam.machine import Machine, this_machine
from rapsam.tasks.arrays import Floats
from rapsam.tasks.geometry import ImageGeometry, Size
from rapsam.tasks.panoptic import PanopticResult, panoptic_segmentation
from rapsam.tasks.preprocess import PreprocessSpec
from rapsam.web.files import PAGE

FILE = RESULTS / "page_tasks.json"
COMMAND = "python -m rapsam.benchmarks.studies.page_tasks"
PROGRAM = Path(__file__).with_suffix(".mjs")
SIZE: Size = (640, 640)
THINGS, QUERIES, CLASSES, CHANNELS = 20, 100, 80, 256
MOST = 2.0
"""Of NumPy's time, that the page may take."""
MOST_BYTES = 131072
"""That a frame may leave beside its result: small objects, but no array of pixels or queries."""
_STRIDE, _TOP_K = 4, 100
_VISIT_S, _PAUSE_S = 0.3, 0.05
_LARGEST, _SLOPE, _NOISE = 12.0, 0.5, 0.3


class Drawn(NamedTuple):
    """Drawn outputs of a network.

    Attributes:
        name: What is drawn.
        class_logits: (N, K+1).
        queries: (N, C).
        mask_logits: (N, h, w).
        thresholds: Of the score, and of the share that a mask must keep.
    """

    name: str
    class_logits: Floats
    queries: Floats
    mask_logits: Floats
    thresholds: tuple[float, float]

    def fused(self) -> PanopticResult:
        """Fuses the masks, by NumPy."""
        whole = ImageGeometry(padded_size=SIZE, content_size=SIZE, original_size=SIZE)
        score, overlap = self.thresholds
        return panoptic_segmentation(
            self.class_logits,
            self.mask_logits,
            whole,
            CLASSES,
            score_threshold=score,
            overlap_threshold=overlap,
        )


class FusionTimes(msgspec.Struct, frozen=True, kw_only=True):
    """The fusion of one drawing; processor time of one thread.

    Attributes:
        drawn: What is drawn.
        segments: That are found.
        node_ms: Of the page's tasks in Node.
        numpy_ms: Of `rapsam.tasks`.
        ratio: Median of the ratios of neighbouring turns, which a slow minute does not move.
        limit: What was asked for.
    """

    drawn: str
    segments: int
    node_ms: Quartiles
    numpy_ms: Quartiles
    ratio: float
    limit: float


class FrameMemory(msgspec.Struct, frozen=True, kw_only=True):
    """What a frame of the live view allocates, without what browser and runtime allocate.

    Attributes:
        drawn: What is drawn.
        shows: Objects of each frame, or tracks.
        result_bytes: Of the map, or of the masks.
        other_bytes: Of all else, once the loops are compiled.
    """

    drawn: str
    shows: Literal["objects", "tracks"]
    result_bytes: int
    other_bytes: int


class PageTasks(Versioned, frozen=True, kw_only=True):
    """Content of `results/page_tasks.json`.

    Attributes:
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Nothing is estimated.
        node: Its version.
        numpy: Its version.
        size: Height and width of the frame.
        rounds: Turns that both took.
        load_average: Running processes over the minute before; near 0 on a quiet machine.
        fusion: One per drawing.
        memory: Two per drawing.
    """

    created_utc: str
    machine: Machine
    provenance: Literal["measured"] = "measured"
    node: str
    numpy: str
    size: Size
    rounds: int
    load_average: float
    fusion: tuple[FusionTimes, ...]
    memory: tuple[FrameMemory, ...]


def main() -> None:
    """Measures, prints and writes the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.parse_args()
    try:
        found = measure(rounds=15)
    except RapSamError as error:
        parser.error(str(error))
    for each in found.fusion:
        print(f"{each.drawn}: {each.node_ms.median} ms, NumPy {each.numpy_ms.median} ms, {each.ratio} of it")
    for frame in found.memory:
        print(
            f"{frame.drawn}, {frame.shows}: {frame.other_bytes} bytes beside a result of {frame.result_bytes}"
        )
    write_records(FILE, found)


def measure(rounds: int, visit_s: float = _VISIT_S) -> PageTasks:
    """Times both, in turns, and weighs frames.

    Args:
        rounds: Turns that both take.
        visit_s: Processor time of a turn.

    Raises:
        UnavailableError: If there is no Node, or it fails.
    """
    drawings = (shared_out(), discs())
    load_average = round(os.getloadavg()[0], 2)
    with node_program(drawings) as ask:
        memory = tuple(
            FrameMemory(
                drawn=drawn.name,
                shows=told["kind"],
                result_bytes=told["results"],
                other_bytes=told["others"],
            )
            for drawn in drawings
            for told in ask(f"keep {drawn.name}")
        )
        fusion = tuple(_timed(drawn, ask, rounds, visit_s) for drawn in drawings)
    return PageTasks(
        schema_version=SCHEMA_VERSION,
        command=COMMAND,
        created_utc=now_utc(),
        machine=this_machine(),
        node=node_version(),
        numpy=np.__version__,
        size=SIZE,
        rounds=rounds,
        load_average=load_average,
        fusion=fusion,
        memory=memory,
    )


def shared_out() -> Drawn:
    """Draws things that share out the whole picture; see `crowd`."""
    class_logits, mask_logits = crowd(THINGS, QUERIES, CLASSES, _map_size())
    return Drawn("shared-out", class_logits, _queries(), mask_logits, (0.8, 0.8))


def discs() -> Drawn:
    """Draws discs with radii of 60 to 180 pixels that lie over each other, each of another certainty."""
    rng = np.random.default_rng(1)
    y, x = np.indices(_map_size())
    class_logits = np.zeros((QUERIES, CLASSES + 1), np.float32)
    class_logits[:, CLASSES] = 10
    mask_logits = np.full((QUERIES, *_map_size()), -_LARGEST, np.float32)
    for query in range(0, QUERIES, QUERIES // THINGS):
        class_logits[query, CLASSES] = 0
        class_logits[query, rng.integers(CLASSES)] = rng.uniform(5, 10)
        (row, column), radius = rng.uniform(0, len(y), 2), rng.uniform(15, 45)
        depth = np.clip((radius - np.hypot(y - row, x - column)) * _SLOPE, -_LARGEST, _LARGEST)
        mask_logits[query] = depth + rng.normal(0, _NOISE, y.shape)
    return Drawn("discs", class_logits, _queries(), mask_logits, (0.4, 0.2))


@contextmanager
def node_program(drawings: Sequence[Drawn]) -> Iterator[Callable[[str], Any]]:
    """Starts the program, which answers a command with what it writes as JSON.

    Raises:
        UnavailableError: If there is no Node, or it ends.
    """
    with tempfile.TemporaryDirectory() as folder:
        _write_job(drawings, Path(folder))
        command = [_node(), "--expose-gc", "--max-semi-space-size=64", str(PROGRAM), str(PAGE), folder]
        pipe = subprocess.PIPE
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:

            def ask(line: str) -> Any:  # noqa: ANN401 - what JSON holds
                assert process.stdin is not None
                assert process.stdout is not None
                process.stdin.write(f"{line}\n")
                process.stdin.flush()
                answer = process.stdout.readline()
                if not answer:
                    raise UnavailableError(f"node {PROGRAM.name} ended at {line!r}; see above why")
                return json.loads(answer)

            try:
                yield ask
            finally:
                process.kill()


def node_version() -> str:
    """Asks Node for its version.

    Raises:
        UnavailableError: If there is no Node.
    """
    return subprocess.run([_node(), "--version"], capture_output=True, text=True, check=True).stdout.strip()


def _timed(drawn: Drawn, ask: Callable[[str], Any], rounds: int, visit_s: float) -> FusionTimes:
    visits: dict[str, Callable[[], float]] = {
        "node": lambda: float(ask(f"fuse {drawn.name} {visit_s}")),
        "numpy": functools.partial(seconds_per_pass, drawn.fused, visit_s, time.process_time),
    }
    node, numpy = all_in_turns(visits, rounds, lambda: time.sleep(_PAUSE_S)).values()
    return FusionTimes(
        drawn=drawn.name,
        segments=len(drawn.fused().segments),
        node_ms=quartiles(node),
        numpy_ms=quartiles(numpy),
        ratio=round(float(np.median(np.divide(node, numpy))), 3),
        limit=MOST,
    )


def _write_job(drawings: Sequence[Drawn], folder: Path) -> None:
    cases = []
    for drawn in drawings:
        tensors = []
        for place, array in enumerate((drawn.class_logits, drawn.queries, drawn.mask_logits)):
            name = f"{drawn.name}-{place}.bin"
            array.astype("<f4").tofile(folder / name)
            tensors.append({"file": name, "shape": array.shape})
        cases.append({"name": drawn.name, "tensors": tensors, "thresholds": drawn.thresholds})
    job = {"size": SIZE, "num_things": CLASSES, "top_k": _TOP_K, "cases": cases}
    preprocess = msgspec.to_builtins(PreprocessSpec(size=SIZE))
    (folder / "job.json").write_text(json.dumps({**job, "preprocess": preprocess}))


def _queries() -> Floats:
    return np.random.default_rng(2).normal(size=(QUERIES, CHANNELS)).astype(np.float32)


def _map_size() -> Size:
    return SIZE[0] // _STRIDE, SIZE[1] // _STRIDE


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        raise UnavailableError("no Node is installed; install nodejs, version 20 or later")
    return found


if __name__ == "__main__":
    main()
