"""The Android app as it is built, run: its own code, and its own libraries for both kinds of processors.

    python -m tests.apps.android_deep [BUNDLE ...]

For each bundle, or for one of rapsam_nano, both apps are built, and of each what can run outside of Android
is run: the self-test, a benchmark whose outputs are judged by the gates of parity, a file that is no graph,
and photos whose results must be Python's.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from apps.android.toolchain.build import build_app
from apps.android.toolchain.built import open_app, take_tests
from apps.android.toolchain.jvm import BUILD, JvmApp, build_jvm_app
from apps.android.toolchain.native import missing_compilers
from apps.android.toolchain.tools import ABIS, FOR_DEEP, fetch_tools, missing_for_jvm
from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.runners.app_contract import AppJob
from rapsam.errors import RapSamError, UnavailableError
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.catalogue import RECIPES
from rapsam.export.bundle.seal import verify_runnable
from rapsam.export.parity.sample_images import draw_scene
from rapsam.tasks.arrays import Pixels
from tests.apps.android_agreement import (
    CPU,
    Agreement,
    NoAnswerError,
    Prompts,
    agreements,
    answer,
    last_words,
    photographs,
)
from tests.apps.asked_of_apps import RUN, judged, write_job

ALSO = {"onnx": ("ONNX Runtime, XNNPACK",)}
"""Compute units beside the CPU that run outside of Android."""
IOU = 0.999
SCORE_ERROR = 1e-5
_PATIENCE_S = 3600.0
_TIMING = Timing(iters=1, min_seconds=0, rounds=1, pause_s=0, warmup_max_s=0, stages=("preprocess",))


def say(line: str) -> None:
    """Tells what is done."""
    print(line, flush=True)


def findings(
    app: JvmApp, runtime: str, scratch: Path, patience_s: float = _PATIENCE_S
) -> Iterator[tuple[str, bool]]:
    """Runs an app; that it ends early, hangs or leaves nothing is found, too.

    Args:
        app: With its bundle.
        runtime: What it shall compute with.
        scratch: An empty folder.
        patience_s: How long it may take for each step.

    Yields:
        What was found, and whether it is right.
    """
    for name, step in _STEPS.items():
        try:
            for told, right in step(app, runtime, scratch, patience_s):
                yield f"{name}: {told}", right
        except (NoAnswerError, RapSamError) as error:
            yield f"{name}: {error}", False


def _self_test(app: JvmApp, runtime: str, scratch: Path, patience_s: float) -> Iterator[tuple[str, bool]]:
    del scratch
    said = answer(app, "selftest", app.folder / "bundle", runtime, patience_s=patience_s)
    told = [line for line in said.splitlines() if line.endswith("right")]
    yield told[0] if told else last_words(said), bool(told)


def _benchmark(app: JvmApp, runtime: str, scratch: Path, patience_s: float) -> Iterator[tuple[str, bool]]:
    bundle = app.folder / "bundle"
    job = AppJob(schema_version=1, run_id=RUN, runtime=runtime, threads=1, timing=_TIMING)
    write_job(scratch, bundle, job)
    answer(app, "bench", scratch, RUN, patience_s=patience_s)
    fidelity = judged(scratch, bundle, job).fidelity
    status = "no answer" if fidelity is None else fidelity.status
    yield status, status == "passed"


def _no_graph(app: JvmApp, runtime: str, scratch: Path, patience_s: float) -> Iterator[tuple[str, bool]]:
    del runtime
    backend = RECIPES[verify_runnable(app.folder / "bundle").recipe].backend
    path = scratch / f"damaged{BACKENDS[backend].suffix}"
    path.write_bytes(b"no graph at all, but some bytes" * 100)
    said = answer(app, "halve", path, "halved", patience_s=patience_s)
    told = [line for line in said.splitlines() if line.startswith("problem: ")]
    yield told[0] if told else last_words(said), bool(told)


def _photos(app: JvmApp, runtime: str, scratch: Path, patience_s: float) -> Iterator[tuple[str, bool]]:
    for found in agreements(app, app.folder / "bundle", _pictures(), scratch, runtime, patience_s):
        yield str(found), is_right(found)


_STEPS: dict[str, Callable[[JvmApp, str, Path, float], Iterator[tuple[str, bool]]]] = {
    "self-test": _self_test,
    "gates of parity": _benchmark,
    "what is no graph": _no_graph,
    "a photo, compared with Python": _photos,
}


def _pictures() -> list[tuple[Pixels, Prompts]]:
    found = []
    for picture in (photographs()[0], draw_scene(3, (480, 640))):
        height, width = picture.shape[:2]
        points = [(width * 0.5, height * 0.5), (width * 0.2, height * 0.7)]
        boxes = [(width * 0.3, height * 0.25, width * 0.8, height * 0.75)]
        found.append((np.ascontiguousarray(picture), {"points": points, "boxes": boxes}))
    return found


def is_right(found: Agreement) -> bool:
    """Tells whether results are those of Python."""
    # One by one: the smallest of several numbers may hide one that is none.
    return (
        found.same_segments
        and all(iou >= IOU for iou in (found.segment_iou, *found.region_ious))
        and all(error <= SCORE_ERROR for error in (found.score_error, found.iou_error))
    )


def run_built_apps(bundle: Path | None) -> bool:
    """Builds and runs the apps of a bundle; tells whether all is right."""
    tests, all_right = BUILD / "deep" / "tests.jar", True
    take_tests(build_jvm_app(), tests)
    apks = build_app(bundle, tests)
    for abi, apk in zip(ABIS, apks, strict=True):
        start = time.monotonic()
        app = open_app(apk, abi, tests, BUILD / "deep" / abi, say)
        target = RECIPES[verify_runnable(app.folder / "bundle").recipe].backend
        for runtime in (CPU[target], *ALSO.get(target, ())):
            all_right &= _tell(f"{apk.name}, {runtime}", app, runtime)
        say(f"{apk.name}, {target}: {time.monotonic() - start:.0f} s")
    return all_right


def _tell(name: str, app: JvmApp, runtime: str) -> bool:
    all_right = True
    with TemporaryDirectory() as scratch:
        for line, right in findings(app, runtime, Path(scratch)):
            say(f"{'passed' if right else 'FAILED'}: {name}: {line}")
            all_right &= right
    return all_right


def main(arguments: Sequence[str] | None = None) -> None:
    """Ends with 1 if anything is wrong, and with an error where it cannot be known."""
    parser = argparse.ArgumentParser(
        prog="make android-deep", description="Runs the Android app as it is built."
    )
    parser.add_argument("bundles", nargs="*", type=Path, metavar="BUNDLE", help="default: one of rapsam_nano")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    try:
        fetch_tools(say, FOR_DEEP)
        if missing := missing_for_jvm() or missing_compilers():
            raise UnavailableError(missing)
        right = [run_built_apps(bundle) for bundle in options.bundles or (None,)]
    except RapSamError as error:
        sys.exit(f"error: {error}")
    say(f"done in {time.monotonic() - start:.0f} s")
    sys.exit(0 if all(right) else 1)


if __name__ == "__main__":
    main()
