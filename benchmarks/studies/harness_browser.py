"""A headless Chromium that opens the page of the browser runner by itself."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.runners.base import Wanted
from rapsam.benchmarks.runners.browser.runner import BrowserRunner
from rapsam.errors import UnavailableError

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
# Chromium talks to its maker by itself; the page that is opened must be the only one that asks for anything.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_PLACE = "localhost"


def in_chromium(bundle: Path, timing: Timing) -> LatencyRecord:
    """Measures a bundle in a browser on this machine, on one thread.

    Args:
        bundle: For ONNX Runtime Web.
        timing: As everywhere.

    Raises:
        UnavailableError: If there is no Chromium, or the run failed.
    """
    program = next((path for name in PROGRAMS if (path := shutil.which(name))), None)
    if program is None:
        raise UnavailableError("no Chromium is installed; run make chromium")
    runner = BrowserRunner()
    if reason := runner.unavailable(_PLACE):
        raise UnavailableError(reason)
    variants = runner.variants(Wanted((bundle,), threads=1), _PLACE)
    opened: list[subprocess.Popen[bytes]] = []
    with tempfile.TemporaryDirectory() as profile:

        def attend(line: str, *, stays: bool = False) -> None:
            """Opens what the runner asks to be opened."""
            del stays
            address = next((word for word in line.split() if word.startswith("http")), None)
            if address is not None and not opened:
                command = [program, "--headless", *FLAGS, f"--user-data-dir={profile}", address]
                opened.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

        try:
            (record,) = runner.measure(variants, timing, _PLACE, "rapsam.benchmarks.studies.harness", attend)
        finally:
            for browser in opened:
                browser.terminate()
                browser.wait()
    if record.error is not None:
        raise UnavailableError(record.error)
    return record
