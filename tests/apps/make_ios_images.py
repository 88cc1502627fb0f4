"""Makes the pictures of the iOS app in docs/images.

    python -m tests.apps.make_ios_images --objects BUNDLE --points BUNDLE

A bundle that finds objects, follows them and takes prompts, and one that takes several points for a region,
both for ONNX. It takes the tools of `make ios-check`, and Chromium. Look at what it made before you commit.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser

from apps.ios.toolchain.stage import Stage, build_stage
from apps.ios.toolchain.tools import missing
from rapsam.data.synth.image import draw_image
from rapsam.data.synth.video import draw_video
from rapsam.errors import RapSamError
from tests.apps.ios_screens import Screens, on_stage
from tests.apps.make_page_images import FOLDER, SAM_BESIDE, SAM_TAPS, SEED, keep_image
from tests.chromium import started_browser

PHONE = {"viewport": {"width": 393, "height": 852}, "device_scale_factor": 1.5}
PHOTO_SIZE, CAMERA_SIZE = (480, 640), (640, 480)
FRAMES, SEEN = 20, "[2-9] objects in"
BOX = (0.03, 0.4), (0.2, 0.72)
GAP = 12


def main() -> None:
    """Runs the app with each bundle, and keeps what it shows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("objects", "points"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="a bundle")
    options = parser.parse_args()
    if (reason := missing()) is not None:
        sys.exit(f"error: {reason}")
    try:
        stage = build_stage()
    except RapSamError as error:
        sys.exit(f"error: {error}")
    with started_browser() as browser:
        _show_objects(stage, browser, options.objects, options.points)


def _show_objects(stage: Stage, browser: Browser, objects: Path, points: Path) -> None:
    frames = draw_video(SEED, 9, FRAMES, CAMERA_SIZE).frames
    with on_stage(stage, browser, objects, frames, **PHONE) as app:
        app.wait("Runtime")
        app.pick("Photo", app.photo(draw_image(SEED, 12, PHOTO_SIZE).frames[0]))
        app.wait("found;")
        found = seen(app)
        for tab, done in (("Camera", SEEN), ("Self-test", "outputs are"), ("Benchmark", "Medians")):
            app.choose(tab)
            if tab != "Camera":
                app.wait("Runtime")
                app.press("Start")
            app.wait(done)
            keep_image(seen(app), FOLDER / f"ios-{tab.lower()}.jpg")
    keep_image(beside(found, _regions(stage, browser, points)), FOLDER / "ios-photo.jpg")


def _regions(stage: Stage, browser: Browser, bundle: Path) -> Image.Image:
    with on_stage(stage, browser, bundle, **PHONE) as app:
        app.wait("Runtime")
        app.pick("Photo", app.photo(draw_image(SEED, 12, PHOTO_SIZE).frames[0]))
        app.wait("Ready")
        for number, place in enumerate(SAM_TAPS, start=1):
            app.tap(*place)
            app.wait(f"Tap {number}")
        app.choose("Take away")
        app.tap(*SAM_BESIDE)
        app.wait("2 points")
        app.drag(*BOX, is_up=False)
        return seen(app)


def seen(app: Screens) -> Image.Image:
    """What the phone shows; what does not fit it is an error."""
    if misfits := app.misfits():
        raise SystemExit("\n".join(["does not fit the screen:", *misfits]))
    return Image.open(io.BytesIO(app.page.screenshot())).convert("RGB")


def beside(*pictures: Image.Image) -> Image.Image:
    """Puts pictures of one size side by side."""
    width, height = pictures[0].size
    whole = Image.new("RGB", (len(pictures) * (width + GAP) - GAP, height), (199, 199, 204))
    for place, picture in enumerate(pictures):
        whole.paste(picture, (place * (width + GAP), 0))
    return whole


if __name__ == "__main__":
    main()
