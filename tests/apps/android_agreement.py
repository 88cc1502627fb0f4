"""How far the Android app, in a Java machine with Android's libraries, agrees with Python.

    python -m tests.apps.android_agreement BUNDLE [RUNTIME]

prints it for a bundle and four pictures: two photographs of scikit-learn and two drawn scenes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
from PIL import Image

import rapsam
from apps.android.toolchain.jvm import PATH_PROGRAM, JvmApp, build_jvm_app
from rapsam.export.parity.sample_images import draw_scene
from rapsam.inference.prompt_result import PromptResult
from rapsam.inference.segmenter import Segmenter
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.panoptic import PanopticResult
from tests.apps.test_photo_page import iou

Prompts = Mapping[str, Sequence[tuple[float, ...]]]
CPU = {"onnx": "ONNX Runtime", "tflite": "TensorFlow Lite", "executorch": "ExecuTorch"}


class NoAnswerError(Exception):
    """The app did not end as it should, or said nothing that is an answer: what it did, and said last."""


def answer(app: JvmApp, *words: str | Path, patience_s: float = 300.0) -> str:
    """Returns what the app says.

    Raises:
        NoAnswerError: If it hangs, or ends with an exit code.
    """
    try:
        done = app.run(PATH_PROGRAM, *words, patience_s=patience_s)
    except subprocess.TimeoutExpired as error:
        raise NoAnswerError(f"{words[0]} did not end in {patience_s:g} s") from error
    if done.returncode != 0:
        raise NoAnswerError(
            f"{words[0]} ended with {done.returncode}: {last_words(done.stdout + done.stderr)}"
        )
    return done.stdout


def last_words(said: str) -> str:
    """Returns the end of what an app said."""
    return said[-2000:] or "it says nothing"


class Agreement(NamedTuple):
    """Of one picture.

    Attributes:
        same_segments: Whether ids, classes, kinds and queries are equal; also where no objects are found.
        segment_iou: Lowest mask IoU of the segments.
        score_error: Largest difference of their scores.
        region_ious: Mask IoU of each region.
        iou_error: Largest difference of the predicted IoUs.
    """

    same_segments: bool
    segment_iou: float
    score_error: float
    region_ious: tuple[float, ...]
    iou_error: float

    def __str__(self) -> str:
        """Tells it in a line."""
        regions = " ".join(f"{value:.5f}" for value in self.region_ious)
        return (
            f"segments {'equal' if self.same_segments else 'DIFFER'}, IoU {self.segment_iou:.5f}, "
            f"score {self.score_error:.1e}; regions {regions}, predicted IoU {self.iou_error:.1e}"
        )


def agreements(
    app: JvmApp,
    folder: Path,
    pictures: Sequence[tuple[Pixels, Prompts]],
    scratch: Path,
    runtime: str,
    patience_s: float = 300.0,
) -> list[Agreement]:
    """Compares both on pictures with their prompts.

    Raises:
        NoAnswerError: If the app gives no answer, or a part of one.
    """
    asked = []
    for number, (picture, prompts) in enumerate(pictures):
        path = scratch / f"{number}.png"
        Image.fromarray(picture).save(path)
        asked.append({"photo": str(path), **prompts})
    (scratch / "asked.json").write_text(json.dumps(asked))
    words = (folder, runtime, scratch / "asked.json", scratch)
    said = answer(app, "segment", *words, patience_s=patience_s)
    bundle = rapsam.load_bundle(folder)
    try:
        found = json.loads(said.splitlines()[-1])["photos"]
        return [
            _agreement(bundle, picture, prompts, told, scratch / str(number))
            for number, ((picture, prompts), told) in enumerate(zip(pictures, found, strict=True))
        ]
    except (LookupError, OSError, TypeError, ValueError) as error:
        raise NoAnswerError(f"segment left no whole answer ({error!r}): {last_words(said)}") from error


def _agreement(bundle: Segmenter, picture: Pixels, prompts: Prompts, told: dict, place: Path) -> Agreement:
    size = picture.shape[:2]
    answered = bundle.predict(picture, **prompts)
    assert isinstance(answered, PromptResult)
    return Agreement(
        *(_objects(bundle, picture, told, place) if told["segments"] is not None else (True, 1.0, 0.0)),
        tuple(
            iou(np.fromfile(f"{place}.mask{number}.bin", np.uint8).reshape(size).astype(bool), mask)
            for number, mask in enumerate(answered.masks)
        ),
        float(np.abs(np.array(told["iou"]) - answered.predicted_iou).max(initial=0)),
    )


def _objects(bundle: Segmenter, picture: Pixels, told: dict, place: Path) -> tuple[bool, float, float]:
    expected = bundle.predict(picture)
    assert isinstance(expected, PanopticResult)
    drawn = np.fromfile(f"{place}.map.bin", "<i4").reshape(picture.shape[:2])
    segments = expected.segments
    errors = [abs(row[3] - each.score) for row, each in zip(told["segments"], segments, strict=False)]
    return (
        [[*row[:3], row[5]] for row in told["segments"]]
        == [[each.id, each.class_index, each.is_thing, each.query] for each in segments],
        # Unlike Python's own, these are NaN if one of them is.
        float(
            np.min([iou(drawn == each.id, expected.panoptic_map == each.id) for each in segments], initial=1)
        ),
        float(np.max(errors, initial=0)),
    )


def photographs() -> list[Pixels]:
    """Returns two photographs, of 427x640 pixels."""
    return import_module("sklearn.datasets").load_sample_images().images


def _pictures() -> list[tuple[Pixels, Prompts]]:
    found = []
    for picture in (*photographs(), draw_scene(3, (960, 1280)), draw_scene(4, (501, 333))):
        height, width = picture.shape[:2]
        points = [(width * 0.5, height * 0.5), (width * 0.2, height * 0.7), (width - 1.0, 0.0)]
        box = (width * 0.3, height * 0.25, width * 0.8, height * 0.75)
        found.append((np.ascontiguousarray(picture), {"points": points, "boxes": [box]}))
    return found


def main() -> None:
    """Prints a line for each picture."""
    folder = Path(sys.argv[1])
    runtime = sys.argv[2] if len(sys.argv) > 2 else CPU[folder.name.split("-")[0]]
    with TemporaryDirectory() as scratch:
        for found in agreements(build_jvm_app(), folder, _pictures(), Path(scratch), runtime):
            print(found)


if __name__ == "__main__":
    main()
