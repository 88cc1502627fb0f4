"""Makes the pictures of the Android app's screens in docs/images.

    python -m tests.apps.make_android_images --objects BUNDLE --video BUNDLE

A bundle that finds objects and takes prompts, and one that follows objects, both of --target onnx. The app's
core computes what is shown, in a Java machine; Chromium draws it by the app's own layout files
(apps/android/preview). Look at what it made before you commit it.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser

from apps.android.preview.fonts import fetch_fonts
from apps.android.preview.window import Fonts, Phone, app_resources, page
from apps.android.toolchain.jvm import build_jvm_app
from apps.android.toolchain.tools import FOR_JVM, fetch_tools
from tests.apps.android_screens import Drawn, screens
from tests.apps.make_page_images import FOLDER, keep
from tests.chromium import started_browser

UPRIGHT, LYING = Phone(412, 892), Phone(892, 412)
DENSITY = 1.5
"""Pixels a dp."""


def main() -> None:
    """Computes what the screens show, and keeps pictures of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("objects", "video"):
        parser.add_argument(f"--{name}", type=Path, required=True, help="a bundle")
    parser.add_argument("--out", type=Path, default=FOLDER, help="where to; default: docs/images")
    parser.add_argument("--width", type=int, default=UPRIGHT.width, help="of the phone, dp")
    parser.add_argument("--font-scale", type=float, default=1.0, help="how much larger than usual texts are")
    options = parser.parse_args()
    fetch_tools(print, FOR_JVM)
    fonts = fetch_fonts(print)
    upright = Phone(options.width, UPRIGHT.height, options.font_scale)
    lying = Phone(LYING.width, options.width, options.font_scale)
    with TemporaryDirectory() as scratch, started_browser() as browser:
        texts, _ = app_resources(upright)
        drawn = screens(build_jvm_app(), options.objects, options.video, texts, Path(scratch))
        for name, screen in drawn.items():
            keep_screen(browser, screen, upright, fonts, options.out / f"android-{name}.jpg")
        keep_screen(browser, drawn["photo"], lying, fonts, options.out / "android-photo-lying.jpg")


def keep_screen(browser: Browser, drawn: Drawn, phone: Phone, fonts: Fonts, path: Path) -> None:
    """Draws a screen, and keeps the picture."""
    size = {"width": phone.width, "height": phone.height}
    with browser.new_context(viewport=size, device_scale_factor=DENSITY) as context:
        opened = context.new_page()
        opened.set_content(
            page(drawn.activity, drawn.layout, drawn.screen, phone, menu=drawn.menu, fonts=fonts)
        )
        opened.evaluate("document.fonts.ready")
        keep(opened, path)


if __name__ == "__main__":
    main()
