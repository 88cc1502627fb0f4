"""The iOS app on its stage, in a browser: what it shows, and fingers on it; `apps/ios/toolchain/stage.py`."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Locator, Page

from apps.ios.toolchain.stage import Stage

PATIENCE_S, _PAUSE_S = 120.0, 0.1
_ROUNDS = 5
_COMPLAINTS = "complaints"
_MEASURED = """() => Object.fromEntries([...document.querySelectorAll("[data-measured]")].map(
  (each) => [each.dataset.measured, [each.clientWidth, each.clientHeight]]))"""
# Where the picture lies in the element that shows all of it, in the middle.
_PICTURE = """(image) => {
  const { left, top, width, height } = image.getBoundingClientRect();
  const scale = Math.min(width / image.naturalWidth, height / image.naturalHeight);
  const [across, down] = [scale * image.naturalWidth, scale * image.naturalHeight];
  return [left + (width - across) / 2, top + (height - down) / 2, across, down];
}"""
# What does not lie on the screen, above the tabs, or in what scrolls there; words that are cut off; words to
# touch on two lines.
_MISFITS = """() => {
  const floor = document.querySelector(".tabs").getBoundingClientRect().top;
  return [...document.querySelectorAll("#screen *:not(svg *)")].filter((each) => {
    const box = each.getBoundingClientRect();
    const isFree = each.closest(".tabs") || each.parentElement.closest("[style*='overflow-y:auto']");
    const isBeside = box.left < -0.5 || box.right > innerWidth + 0.5;
    const isBelow = !isFree && !each.querySelector(".tabs") && (box.top < -0.5 || box.bottom > floor + 0.5);
    const isCut = each.clientWidth > 0 && each.scrollWidth > each.clientWidth + 1;
    const isBroken = each.matches("button, [role=tab] span, [role=radio] span, .menu span")
      && box.height > 1.6 * parseFloat(getComputedStyle(each).lineHeight);
    return isBeside || isBelow || isCut || isBroken;
  }).map((each) => each.outerHTML.slice(0, 200));
}"""


class Screens:
    """The app, shown in a page.

    Args:
        page: Of the phone's size.
        app: The running program.
        home: Folder that both see; it holds what the program writes beside its answers.
    """

    def __init__(self, page: Page, app: subprocess.Popen[str], home: Path) -> None:
        self.page = page
        self._app = app
        self._home = home
        self.look()

    def photo(self, picture: np.ndarray) -> Path:
        """Puts a photo on the phone, to be picked: (H, W, 3) uint8 RGB."""
        file = self._home / "photo.bmp"
        write_bitmap(file, picture)
        return file

    def look(self, **order: object) -> None:
        """Gives an order, and shows what there is then; what asks for its size is told it."""
        for _ in range(_ROUNDS):
            self.page.set_content(self._answer(order))
            sizes = self.page.evaluate(_MEASURED)
            if sizes == order.get("sizes"):
                return
            order = {"sizes": sizes}
            if not sizes:
                return
        raise AssertionError(f"sizes do not come to rest: {sizes}")

    def wait(self, words: str, *, seconds: float = PATIENCE_S) -> None:
        """Waits until the screen says this, a pattern."""
        end = time.monotonic() + seconds
        while not re.search(words, self.text):
            assert time.monotonic() < end, f"no {words!r} in {self.text!r}"
            time.sleep(_PAUSE_S)
            self.look()

    @property
    def text(self) -> str:
        """What is read on the screen."""
        return self.page.inner_text("#screen")

    def press(self, name: str) -> None:
        """Presses a button, which must be there to be pressed."""
        self._touch(self.page.get_by_role("button", name=name, exact=True))

    def pick(self, name: str, file: Path) -> None:
        """Picks a photo; see `write_bitmap`."""
        self._touch(self.page.get_by_role("button", name=name, exact=True), file=str(file))

    def choose(self, name: str) -> None:
        """Chooses a tab, or a segment."""
        found = self.page.locator(f"[data-choice]:has-text({json.dumps(name)})")
        found.click(trial=True)
        place = found.locator("xpath=..").get_attribute("data-place")
        self.look(place=place, choice=int(found.get_attribute("data-choice")))

    def tap(self, across: float, down: float) -> None:
        """Taps the photo, at shares of its sides."""
        self.look(place=self._asking.get_attribute("data-place"), at=self._at(across, down))

    def drag(self, start: Sequence[float], end: Sequence[float], *, is_up: bool = True) -> None:
        """Holds a finger on the photo and drags it; lifts it, or not yet."""
        place = self._asking.get_attribute("data-place")
        self.look(place=place, at=self._at(*start), to=self._at(*end), isUp=is_up)

    def misfits(self) -> list[str]:
        """Returns what does not fit the screen, as it stands in the page."""
        return self.page.evaluate(_MISFITS)

    @property
    def _asking(self) -> Locator:
        """The view that is asked by fingers."""
        return self.page.locator("[data-measured] [data-place]")

    def _at(self, across: float, down: float) -> list[float]:
        left, top, width, height = self.page.locator("[data-measured] img").evaluate(_PICTURE)
        box = self._asking.bounding_box()
        assert box is not None, "the photo is shown"
        return [left + across * width - box["x"], top + down * height - box["y"]]

    def _touch(self, found: Locator, **order: object) -> None:
        found.click(trial=True, timeout=1000 * PATIENCE_S)
        self.look(place=found.get_attribute("data-place"), **order)

    def _answer(self, order: dict[str, object]) -> str:
        assert self._app.stdin is not None
        assert self._app.stdout is not None
        self._app.stdin.write(json.dumps(order) + "\n")
        self._app.stdin.flush()
        line = self._app.stdout.readline()
        assert line, (self._home / _COMPLAINTS).read_text()[-3000:]
        return json.loads(line)["page"]


@contextmanager
def on_stage(
    stage: Stage, browser: Browser, bundle: Path, frames: Sequence[np.ndarray] = (), **context: object
) -> Iterator[Screens]:
    """Runs the app with a bundle.

    Args:
        stage: The app.
        browser: That shows it.
        bundle: For ONNX.
        frames: (H, W, 3) uint8 RGB that the camera sees, over and over; none: a phone without camera.
        context: Of Playwright: the phone's size, light or dark.
    """
    with tempfile.TemporaryDirectory() as scratch, browser.new_context(**context) as made:
        home = Path(scratch)
        shutil.copytree(bundle, home / "Documents" / "bundle")
        camera = home / "camera" if len(frames) else None
        for number, frame in enumerate(frames):
            (home / "camera").mkdir(exist_ok=True)
            write_bitmap(home / "camera" / f"{number:04}.bmp", frame)
        with (
            (home / _COMPLAINTS).open("w") as told,
            subprocess.Popen(
                stage.command(home, camera),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=told,
                text=True,
                cwd="/",
            ) as app,
        ):
            try:
                yield Screens(made.new_page(), app, home)
            finally:
                app.kill()


def write_bitmap(file: Path, picture: np.ndarray) -> None:
    """Writes the one kind of pictures that the stage reads.

    Args:
        file: `.bmp`.
        picture: (H, W, 3) uint8 RGB.
    """
    height, width = picture.shape[:2]
    pixels = np.full((height, width, 4), 255, np.uint8)
    pixels[..., :3] = picture[..., ::-1]
    start = 54
    head = struct.pack("<2sIII", b"BM", start + pixels.nbytes, 0, start)
    # A height below 0: the first row comes first.
    head += struct.pack("<IiiHHIIIIII", 40, width, -height, 1, 32, 0, pixels.nbytes, 0, 0, 0, 0)
    file.write_bytes(head + pixels.tobytes())
