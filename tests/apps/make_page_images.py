"""Makes the pictures of the page in docs/images.

    python -m tests.apps.make_page_images --objects BUNDLE --video BUNDLE --sam BUNDLE

A bundle that finds objects and takes prompts, one that follows objects, and one of the kind of SAM. Look at
what it made before you commit it.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from rapsam.data.synth.image import draw_image
from rapsam.data.synth.video import draw_video
from rapsam.data.videos.writer import VideoWriter
from tests.apps.photo_pages import encoded, give, opened, page_table, status
from tests.chromium import started_browser

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
SEED, PHOTO_SIZE, VIDEO_SIZE = 5, (480, 640), (360, 480)
FRAMES = 40
LIMIT_BYTES = 150_000
SAM_TAPS, SAM_BESIDE = ((0.07, 0.4), (0.85, 0.45), (0.75, 0.75)), (0.42, 0.78)
DESKTOP = {"viewport": {"width": 1100, "height": 760}}
PHONE = {
    "viewport": {"width": 360, "height": 780},
    "device_scale_factor": 1.5,
    "has_touch": True,
    "is_mobile": True,
}


def main() -> None:
    """Opens the page with each bundle, and keeps what it shows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("objects", "video", "sam"):
        parser.add_argument(f"--{name}", type=Path, help="a bundle; without it its pictures stay")
    options = parser.parse_args()
    photo = encoded(draw_image(SEED, 12, PHOTO_SIZE).frames[0])
    with started_browser() as browser:
        if options.objects:
            with ready(browser, options.objects, **DESKTOP) as page:
                give(page, "photo.png", photo)
                status(page, "found in")
                keep(page, FOLDER / "web-photo.jpg")
            with ready(browser, options.objects, **PHONE, color_scheme="dark") as page:
                give(page, "photo.png", photo)
                status(page, "found in")
                for number, place in enumerate(((0.2, 0.3), (0.55, 0.2), (0.75, 0.75)), start=1):
                    tap(page, *place)
                    status(page, f"Region {number} has")
                keep(page, FOLDER / "web-photo-phone.jpg", whole=True)
        if options.video:
            with ready(browser, options.video, **DESKTOP) as page, film() as path:
                page.set_input_files("#file", path)
                page.locator("#rate", has_text="12 frames").wait_for()
                keep(page, FOLDER / "web-video.jpg")
        if options.sam:
            with ready(browser, options.sam, **DESKTOP) as page:
                give(page, "photo.png", photo)
                status(page, "ready for your questions")
                for number, place in enumerate(SAM_TAPS, start=1):
                    tap(page, *place)
                    status(page, f"Region {number} has")
                page.get_by_text("less of it", exact=True).click()
                tap(page, *SAM_BESIDE)
                page.locator("#legend .name", has_text="2 taps").wait_for()
                keep(page, FOLDER / "web-sam.jpg")


@contextmanager
def ready(browser: Browser, bundle: Path, **context: object) -> Iterator[Page]:
    """Opens the page with a bundle; raises if anything went wrong in it."""
    with opened(browser, page_table(bundle), **context) as (page, complaints):
        status(page, "Ready")
        yield page
        if complaints.errors:
            raise SystemExit(f"{bundle}: {complaints.errors}")


@contextmanager
def film() -> Iterator[Path]:
    """Makes a file of a drawn video."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        with VideoWriter(path, Fraction(15)) as writer:
            for frame in draw_video(SEED, 9, FRAMES, VIDEO_SIZE).frames:
                writer.write(frame)
        yield path


def tap(page: Page, across: float, down: float) -> None:
    """Clicks the photo, at fractions of its sides."""
    place = page.locator("#photo").bounding_box()
    assert place is not None, "the photo is shown"
    page.mouse.click(place["x"] + across * place["width"], place["y"] + down * place["height"])


def keep(page: Page, path: Path, *, whole: bool = False) -> None:
    """Writes what the window shows, or the whole page, as a JPEG that is small enough."""
    keep_image(Image.open(io.BytesIO(page.screenshot(full_page=whole))).convert("RGB"), path)


def keep_image(image: Image.Image, path: Path) -> None:
    """Writes a picture as a JPEG that is small enough."""
    for quality in range(88, 40, -6):
        content = io.BytesIO()
        image.save(content, "JPEG", quality=quality, optimize=True)
        if content.tell() <= LIMIT_BYTES:
            path.write_bytes(content.getvalue())
            print(f"{path.name}: {image.width}x{image.height}, {content.tell()} bytes")
            return
    raise SystemExit(f"{path.name} has more than {LIMIT_BYTES} bytes at any quality")


if __name__ == "__main__":
    main()
