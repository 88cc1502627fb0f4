"""Someone has the page open: what it sends is checked, kept, and made into records."""

from __future__ import annotations

import hmac
import math
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import NamedTuple, TypeVar

import msgspec

from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.runners.base import Variant
from rapsam.benchmarks.runners.browser.plan import Subject
from rapsam.benchmarks.runners.browser.record import Run, browser_record
from rapsam.benchmarks.runners.browser.sent import misfit, told_seconds
from rapsam.benchmarks.runners.browser.told import (
    MAX_GREETING_BYTES,
    MAX_PROGRESS_BYTES,
    MAX_RECORD_BYTES,
    Greeting,
    Median,
    PageRecord,
    Progress,
    ToldDevice,
    Verdict,
)
from rapsam.errors import JSON_ERRORS, RapSamError, printable, shortened
from rapsam.export.bundle.golden import MAX_CASES
from rapsam.web.files import BINARY, JSON
from rapsam.web.server import Post, Reply

TAKEOVER_S = 30.0
"""After so long without a sign of life another device may begin."""
MAX_LINES = 5000
"""Of progress, in all."""
MAX_WAITING_LINES = 100
_SHOWN = 200
_CLOCK_SLACK = 1.1
_CLOCK_SLACK_S = 5.0
Told = TypeVar("Told", bound=msgspec.Struct)


class Job(NamedTuple):
    """A variant, and what it is run on."""

    variant: Variant
    subject: Subject


class Outcome(NamedTuple):
    """What came of a variant.

    Attributes:
        record: The record.
        is_offered: False where the browser has no such unit.
    """

    record: LatencyRecord
    is_offered: bool


class _Visitor(NamedTuple):
    key: str
    session: str
    device: ToldDevice
    since: float


class Visit:
    """All that visitors of the page may send, one of them at a time.

    Args:
        jobs: What is to be measured.
        run: What the records share.
        clock: Returns seconds.
    """

    def __init__(self, jobs: Sequence[Job], run: Run, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs = tuple(jobs)
        self._run = run
        self._clock = clock
        self._changed = threading.Condition()
        self._visitor: _Visitor | None = None
        self._heard = clock()
        self._outputs: dict[int, dict[tuple[int, int], bytes]] = {}
        self._outcomes: dict[int, Outcome] = {}
        self._lines: deque[str] = deque(maxlen=MAX_WAITING_LINES)
        self._lines_left = MAX_LINES

    def posts(self) -> dict[str, Post]:
        """Lists the addresses that take something, each with the most that it takes."""
        found = {
            "visit": Post(JSON, MAX_GREETING_BYTES, self._greet),
            "progress": Post(JSON, MAX_PROGRESS_BYTES, self._progress),
        }
        for number, job in enumerate(self._jobs):
            found[f"record/{number}"] = Post(JSON, MAX_RECORD_BYTES, self._recorder(number))
            if job.subject.manifest is None:
                continue
            for case in range(MAX_CASES):
                for place, (_, _, shape) in enumerate(job.subject.outputs):
                    size = 4 * math.prod(shape)
                    keeper = self._keeper(number, (case, place), size)
                    found[f"outputs/{number}/{case}/{place}"] = Post(BINARY, size, keeper)
        return found

    @property
    def has_visitor(self) -> bool:
        """Whether anyone has come."""
        return self._visitor is not None

    @property
    def device(self) -> ToldDevice | None:
        """What the latest visitor's browser told."""
        return None if self._visitor is None else self._visitor.device

    def silence_s(self) -> float:
        """Returns the seconds since the last sign of life, or since the beginning."""
        return self._clock() - self._heard

    def outcomes(self) -> dict[int, Outcome]:
        """Returns what came of the variants so far, by their number."""
        with self._changed:
            return dict(self._outcomes)

    def wait(self, seconds: float) -> list[str]:
        """Waits for something new, or for so long, and returns the lines of progress since the last call."""
        with self._changed:
            if not self._lines and len(self._outcomes) < len(self._jobs):
                self._changed.wait(seconds)
            lines = list(self._lines)
            self._lines.clear()
            return lines

    def _greet(self, body: bytes, _key: str) -> Reply:
        greeting = _decoded(body, Greeting)
        if isinstance(greeting, Reply):
            return greeting
        with self._changed:
            known = self._visitor
            if known is not None and known.session != greeting.session and self.silence_s() < TAKEOVER_S:
                return _refusal(HTTPStatus.CONFLICT, "another device is measuring; wait until it is done")
            key = secrets.token_urlsafe(16)
            self._visitor = _Visitor(key, greeting.session, greeting.device, self._clock())
            self._outputs.clear()
            self._outcomes.clear()
            self._hear(f"someone opened the page: {greeting.device.user_agent}")
            return Reply(HTTPStatus.OK, msgspec.json.encode({"key": key}))

    def _progress(self, body: bytes, key: str) -> Reply:
        progress = _decoded(body, Progress)
        if isinstance(progress, Reply):
            return progress
        with self._changed:
            if (refused := self._stranger(key)) is not None:
                return refused
            self._hear(progress.line)
            return Reply(HTTPStatus.OK, b"{}")

    def _keeper(self, number: int, place: tuple[int, int], size: int) -> Callable[[bytes, str], Reply]:
        def keep(body: bytes, key: str) -> Reply:
            if len(body) != size:
                return _refusal(HTTPStatus.BAD_REQUEST, f"{len(body):,} bytes; expected {size:,}")
            with self._changed:
                if (refused := self._stranger(key) or self._finished(number)) is not None:
                    return refused
                self._outputs.setdefault(number, {})[place] = body
                self._hear("")
                return Reply(HTTPStatus.OK, b"{}")

        return keep

    def _recorder(self, number: int) -> Callable[[bytes, str], Reply]:
        def record(body: bytes, key: str) -> Reply:
            with self._changed:
                if (refused := self._stranger(key) or self._finished(number)) is not None:
                    return refused
            told = _decoded(body, PageRecord)
            return told if isinstance(told, Reply) else self._record(number, told, key)

        return record

    def _record(self, number: int, told: PageRecord, key: str) -> Reply:
        job = self._jobs[number]
        with self._changed:
            if (refused := self._stranger(key) or self._finished(number)) is not None:
                return refused
            assert self._visitor is not None
            passed = self._clock() - self._visitor.since
            if told_seconds(told) > passed * _CLOCK_SLACK + _CLOCK_SLACK_S:
                return _refusal(HTTPStatus.BAD_REQUEST, "more time was measured than has passed")
            if (problem := misfit(job.subject, told)) is not None:
                return _refusal(HTTPStatus.BAD_REQUEST, problem)
            try:
                outputs = self._outputs.pop(number, {})
                made = browser_record(
                    self._run, job.variant, job.subject, self._visitor.device, told, outputs
                )
            except RapSamError as error:  # the bundle was changed while it was measured
                return _refusal(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
            self._outcomes[number] = Outcome(made, told.is_offered)
            self._hear("")
            return Reply(HTTPStatus.OK, msgspec.json.encode(_verdict(made, is_offered=told.is_offered)))

    def _stranger(self, key: str) -> Reply | None:
        """Refuses whoever is not the one visitor."""
        known = "" if self._visitor is None else self._visitor.key
        if known and hmac.compare_digest(key.encode(), known.encode()):
            return None
        return _refusal(HTTPStatus.FORBIDDEN, "another page has taken over; load this one again")

    def _finished(self, number: int) -> Reply | None:
        """Refuses what comes after a record."""
        if number not in self._outcomes:
            return None
        return _refusal(HTTPStatus.CONFLICT, "there is a record of this variant already")

    def _hear(self, line: str) -> None:
        """Takes a sign of life, and a line for the one who waits, unless it says what the last one did."""
        self._heard = self._clock()
        line = shortened(printable(line), _SHOWN)
        if line and self._lines_left and (not self._lines or self._lines[-1] != line):
            self._lines_left -= 1
            self._lines.append(line)
        self._changed.notify_all()


def _decoded(body: bytes, kind: type[Told]) -> Told | Reply:
    try:
        return msgspec.json.decode(body, type=kind)
    except JSON_ERRORS as error:
        why = shortened(printable(str(error)), _SHOWN)
        return _refusal(HTTPStatus.BAD_REQUEST, f"not what was expected: {why}")


def _refusal(status: HTTPStatus, why: str) -> Reply:
    return Reply(status, msgspec.json.encode({"error": why}))


def _verdict(record: LatencyRecord, *, is_offered: bool) -> Verdict:
    found = record.fidelity
    return Verdict(
        status=record.status if is_offered else "not offered",
        error=record.error,
        self_test=None if found is None else found.status,
        worst=None if found is None else _worst(found.worst, found.worst_sqnr_db),
        stages=tuple(
            Median(name=stage.name, p50_ms=stage.ms.p50, n=stage.ms.n)
            for stage in record.stages
            if stage.mode == "burst"
        ),
    )


def _worst(name: str | None, sqnr_db: float | None) -> str | None:
    if name is None:
        return None
    return name if sqnr_db is None else f"{name}, {sqnr_db:.1f} dB"
