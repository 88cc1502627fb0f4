"""A real browser for pages that people will open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

from rapsam.benchmarks.studies.harness_browser import FLAGS, PROGRAMS
from tests.golden_files import fail_or_skip

VARIABLE = "RAPSAM_CHROMIUM"


def find_chromium() -> str:
    """Returns the program: $RAPSAM_CHROMIUM, else the first that is installed; without one fails or skips."""
    named = os.environ.get(VARIABLE)
    found = named or next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if found is None:
        fail_or_skip(f"no Chromium is installed; run make chromium, or set {VARIABLE} to the program", named)
    return found


@contextmanager
def started_browser(*flags: str) -> Iterator[Browser]:
    """Starts a headless browser for a while.

    Args:
        flags: Of Chromium, beside those that keep it quiet.
    """
    program = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


class Complaints:
    """All that went wrong in a page: errors of scripts and of the console, and requests that failed.

    Args:
        page: Which is listened to from now on.
    """

    def __init__(self, page: Page) -> None:
        self.errors: list[str] = []
        self.requested: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if line.type == "error" else None)
        page.on("requestfailed", lambda request: self.errors.append(f"{request.url} {request.failure}"))
        page.on("request", lambda request: self.requested.append(request.url))
