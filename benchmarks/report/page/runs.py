"""The runs of a page: numbered, since names are too long for charts, and with what must be said of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapsam.benchmarks.latency.names import device_name, run_name
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.report.freshness import outdated
from rapsam.benchmarks.report.page.markup import Markup, element, joined

COLOURS = 8
"""Of series in charts; further ones begin again."""


class NumberedRun(NamedTuple):
    """A record with its number on the page.

    Attributes:
        number: From 1 on.
        record: It.
        series: Number of its device, for its colour.
        outdated: See `rapsam.benchmarks.report.freshness.outdated`.
    """

    number: int
    record: LatencyRecord
    series: int
    outdated: str | None

    @property
    def label(self) -> str:
        """Its number, as charts and tables have it."""
        return f"#{self.number}"

    @property
    def name(self) -> str:
        """What ran, by what and where, for people."""
        return f"{self.label} {run_name(self.record)}, {self.place}"

    @property
    def place(self) -> str:
        """Where it ran, for people."""
        return place_of(self.record)

    @property
    def colour(self) -> str:
        """Its class in charts."""
        return f"s{self.series % COLOURS}"

    @property
    def counts(self) -> bool:
        """Whether its times may be believed, and its result is not known to be wrong."""
        valid = self.record.validity
        return (
            self.record.status == "done"
            and valid is not None
            and valid.min_count_met
            and valid.min_duration_met
        )


def place_of(record: LatencyRecord) -> str:
    """Names the device; how it was reached, unless it is this machine's own runner."""
    name = device_name(record.device)
    return name if record.runner == "local" else f"{name}, {record.runner}"


def numbered(records: Sequence[LatencyRecord]) -> tuple[NumberedRun, ...]:
    """Numbers records and gives each device a colour."""
    places = list(dict.fromkeys(place_of(record) for record in records))
    return tuple(
        NumberedRun(number, record, places.index(place_of(record)), outdated(record))
        for number, record in enumerate(records, start=1)
    )


def badge(provenance: str) -> Markup:
    """Says how a figure came about."""
    return element("span", provenance, class_=f"badge {provenance if provenance.isalpha() else ''}")


def flags(run: NumberedRun) -> Iterator[str]:
    """Yields what speaks against the figures of a run."""
    record = run.record
    if record.status == "failed":
        yield f"failed: {record.error}"
    valid = record.validity
    if valid is None:
        yield "no times"
    else:
        yield from ([] if valid.min_count_met else ["too few samples"])
        yield from ([] if valid.min_duration_met else ["too short"])
        yield from ([] if valid.is_warm else ["not steady after warm-up"])
    if record.fidelity is None:
        yield "not compared with a reference"


def badges(run: NumberedRun) -> Markup:
    """Shows provenance and, if it is so, that another version of the runtime was measured."""
    old = element("span", run.outdated, class_="badge old") if run.outdated else None
    return joined(badge(run.record.provenance), old)
