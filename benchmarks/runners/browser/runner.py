"""Whatever device has a browser: it opens a page that this machine serves, and is measured by it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from rapsam.benchmarks.latency.facts import Timing
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.stage_names import StageName, known_stages
from rapsam.benchmarks.runners.base import Log, Variant, Wanted
from rapsam.benchmarks.runners.browser.address import Place, cannot_listen, parse_place, qr_lines
from rapsam.benchmarks.runners.browser.plan import browser_variants, plan_table, read_subject
from rapsam.benchmarks.runners.browser.record import NAME, browser_record, new_run
from rapsam.benchmarks.runners.browser.told import PageRecord
from rapsam.benchmarks.runners.browser.visit import Job, Outcome, Visit
from rapsam.benchmarks.runners.record_parts import record_text
from rapsam.errors import RapSamError
from rapsam.web.node_packages import missing_packages
from rapsam.web.server import PageServer

WAIT_S = 900.0
"""For someone to open the page."""
SILENCE_S = 300.0
"""For the next sign of life; phones put pages to sleep when the screen goes dark."""
PAGE = "bench.html"
_LOOK_S = 0.5


class BrowserRunner:
    """Runs variants in whatever browser opens the page.

    Args:
        wait_s: Seconds for someone to open it.
        silence_s: Seconds without a sign of life after which it counts as gone.
    """

    name = NAME

    def __init__(self, wait_s: float = WAIT_S, silence_s: float = SILENCE_S) -> None:
        self._wait_s = wait_s
        self._silence_s = silence_s

    def unavailable(self, device: str | None) -> str | None:
        """See `DeviceRunner.unavailable`; the device is the address and port to serve on."""
        try:
            return cannot_listen(parse_place(device)) or missing_packages()
        except RapSamError as error:
            return str(error)

    def variants(self, wanted: Wanted, device: str | None) -> tuple[Variant, ...]:
        """See `DeviceRunner.variants`. What a browser offers shows when one comes."""
        del device
        return browser_variants(wanted)

    def stages(self, path: Path) -> tuple[StageName, ...]:
        """See `DeviceRunner.stages`."""
        return known_stages(path)

    def measure(
        self,
        variants: Sequence[Variant],
        timing: Timing,
        device: str | None,
        command: str,
        progress: Log,
    ) -> tuple[LatencyRecord, ...]:
        """See `DeviceRunner.measure`."""
        shapes = {variant.path: dict(variant.shapes) for variant in variants}
        subjects = {path: read_subject(path, given) for path, given in shapes.items()}
        jobs = [Job(variant, subjects[variant.path]) for variant in variants]
        run = new_run(timing, command, len(variants))
        visit = Visit(jobs, run)
        place = parse_place(device)
        table = plan_table(variants, tuple(subjects.values()), timing)
        with PageServer(place.address, place.port, table, visit.posts()) as server:
            self._invite(f"{server.url}{PAGE}", place, progress)
            gone = self._attend(visit, len(jobs), progress)
        outcomes = visit.outcomes()
        for number, job in enumerate(jobs):
            if number not in outcomes:
                told = PageRecord(failed=gone, is_offered=True)
                record = browser_record(run, job.variant, job.subject, visit.device, told, {})
                outcomes[number] = Outcome(record, is_offered=True)
        return _without_missing_units(jobs, outcomes, progress)

    def _invite(self, url: str, place: Place, progress: Log) -> None:
        progress(f"open {url} in a browser of the device", stays=True)
        if place.is_loopback:
            progress("only this machine gets there, and a phone on a cable: see docs/latency.md", stays=True)
        elif sys.stderr.isatty():
            for line in qr_lines(url):
                progress(line, stays=True)
        progress("waiting for someone to open the page")

    def _attend(self, visit: Visit, count: int, progress: Log) -> str:
        """Waits until all is measured; returns why what is missing is."""
        while len(visit.outcomes()) < count:
            for line in visit.wait(_LOOK_S):
                progress(line)
            silence = visit.silence_s()
            if not visit.has_visitor and silence > self._wait_s:
                return f"nobody opened the page in {self._wait_s:g} s"
            if visit.has_visitor and silence > self._silence_s:
                return f"the page gave no sign of life for {self._silence_s:g} s: closed, asleep, or crashed"
        return ""


def _without_missing_units(
    jobs: Sequence[Job], outcomes: dict[int, Outcome], progress: Log
) -> tuple[LatencyRecord, ...]:
    """Leaves out what the browser does not offer, of things that it ran in another way, with a note there."""
    kept, missing = list[LatencyRecord](), dict[object, list[str]]()
    ran = {jobs[number].variant.path for number, outcome in outcomes.items() if outcome.is_offered}
    for number, outcome in sorted(outcomes.items()):
        variant = jobs[number].variant
        if outcome.is_offered or variant.path not in ran:
            kept.append(outcome.record)
        else:
            missing.setdefault(variant.path, []).append(f"not offered: {variant}: {outcome.record.error}")
    for lines in missing.values():
        for line in lines:
            progress(line, stays=True)
    notes = tuple(record_text(line) for lines in missing.values() for line in lines)
    return tuple(msgspec.structs.replace(record, notes=(*record.notes, *notes)) for record in kept)
