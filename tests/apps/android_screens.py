"""What the Android app's screens show: what its core says, in a Java machine, where its activities put it."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from apps.android.preview.resources import Resources
from apps.android.preview.widgets import Run, Screen, Shown
from apps.android.toolchain.jvm import JvmApp
from rapsam.data.synth.image import draw_image
from rapsam.data.synth.video import draw_video
from rapsam.tasks.arrays import Pixels
from tests.apps.android_agreement import CPU

PROGRAM = "org.rapsam.sample.ScreenProgramKt"
SEED, PHOTO, SIZE = 7, 15, (640, 480)
"""Of the drawn world, of a photo in it, and its height and width."""
VIDEO, FRAMES = 10, 12
SWATCH = "\u25a0 "
"""As in EntryText.kt."""


class Drawn(NamedTuple):
    """A screen to draw.

    Attributes:
        activity: The class that shows it.
        layout: The name of its layout file.
        screen: What the class makes of the views.
        menu: Whether it has a menu.
    """

    activity: str
    layout: str
    screen: Screen
    menu: bool = False


def photo_screen(told: dict[str, Any], picture: Pixels, texts: Resources) -> Drawn:
    """The photo's screen after a photo was taken, and what was asked of it: `MainActivity`."""
    count, milliseconds = told["count"], told["milliseconds"]
    if told["asked"]:
        status = texts.text("region_found", milliseconds)
    elif count is None:
        status = texts.text("looked_at", milliseconds)
    else:
        status = texts.text("found", count, milliseconds)
    meanings = told["meanings"]
    screen = {
        "camera": Shown(enabled=told["finds_objects"]),
        "changes": Shown(visible=len(meanings) > 1),
        **{name: Shown(visible=name in meanings) for name in ("new_region", "add", "take_away")},
        "status": Shown(status),
        "picture": Shown(picture=png_of(picture)),
        "found": Shown(coloured(told["entries"])),
    }
    return Drawn("MainActivity", "main", screen, menu=True)


def camera_screen(told: dict[str, Any], picture: Pixels, texts: Resources) -> Drawn:
    """The camera's screen after some frames, on a phone that does not tell its heat: `CameraActivity`."""
    # The list is without figures: it changes when others come into view, not with every score.
    names = [(name, "", colour) for name, _, colour in told["entries"]]
    screen = {
        "status": Shown(texts.text("frame", told["count"], told["milliseconds"])),
        "frame": Shown(picture=png_of(picture)),
        "found": Shown(coloured(names)),
    }
    return Drawn("CameraActivity", "camera", screen)


def report_screen(activity: str, told: dict[str, Any], text: str) -> Drawn:
    """A report's screen once the report is there: `ReportActivity`."""
    screen = {"unit": Shown(told["runtimes"][0], item="unit"), "report": Shown(text)}
    return Drawn(activity, "report", screen)


def coloured(entries: list[Any]) -> tuple[Run, ...]:
    """A list of what was found, as `EntryText.kt` makes it."""
    runs = []
    for name, figure, colour in entries:
        runs.append(Run(SWATCH, f"#{colour & 0xFFFFFF:06x}"))
        runs.append(Run(f"{name}: {figure}\n" if figure else f"{name}\n"))
    return tuple(runs)


def screens(app: JvmApp, objects: Path, video: Path, texts: Resources, scratch: Path) -> dict[str, Drawn]:
    """Runs the app's core, and returns what the screens show, by the names of their pictures.

    Args:
        app: In a Java machine.
        objects: A bundle that finds objects and takes prompts.
        video: One that follows objects.
        texts: The app's resources.
        scratch: A folder for what is asked and answered.
    """
    photo = draw_image(SEED, PHOTO, SIZE).frames[0]
    frames = draw_video(SEED, VIDEO, FRAMES, SIZE).frames
    paths = [keep_png(frame, scratch / f"{number}.png") for number, frame in enumerate(frames)]
    found = ask(
        app, "photo", objects, {"photo": keep_png(photo, scratch / "photo.png"), "prompts": []}, scratch
    )
    seen = ask(app, "camera", video, {"frames": paths}, scratch)
    report, _ = ask(app, "report", objects, None, scratch)
    return {
        "photo": photo_screen(*found, texts),
        "camera": camera_screen(*seen, texts),
        "self-test": report_screen("SelfTestActivity", report, report["self_test"]),
        "benchmark": report_screen("BenchmarkActivity", report, report["benchmark"]),
    }


def ask(app: JvmApp, what: str, bundle: Path, asked: Any, scratch: Path) -> tuple[dict[str, Any], Pixels]:
    """Asks the core for a screen; returns what it tells, and the picture that it painted."""
    words: list[str | Path] = [what, bundle, CPU["onnx"]]
    if asked is not None:
        (scratch / "asked.json").write_text(json.dumps(asked))
        words += [scratch / "asked.json", scratch]
    done = app.run(PROGRAM, *words)
    last = done.stdout.splitlines()[-1] if done.stdout else ""
    if done.returncode != 0 or not last.startswith("{"):
        raise SystemExit(f"the core gives no {what}: {done.stdout[-1000:]}{done.stderr[-1000:]}")
    told = json.loads(last)
    told["asked"] = asked.get("prompts") if asked else None
    if asked is None:
        return told, np.zeros((0, 0, 3), np.uint8)
    argb = np.fromfile(scratch / "painted.bin", "<u4").reshape(told["height"], told["width"])
    return told, np.stack([argb >> shift & 0xFF for shift in (16, 8, 0)], axis=-1).astype(np.uint8)


def keep_png(pixels: Pixels, path: Path) -> str:
    """Writes a PNG, and returns where."""
    path.write_bytes(png_of(pixels))
    return str(path)


def png_of(pixels: Pixels) -> bytes:
    """Returns a PNG of pixels."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
