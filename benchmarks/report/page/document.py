"""The whole page: one file, which asks the network for nothing and runs no script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path

from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.verdict import fastest_correct
from rapsam.benchmarks.report.bundle_view import BundleView
from rapsam.benchmarks.report.page.bars import stage_charts
from rapsam.benchmarks.report.page.bundle_section import bundle_section
from rapsam.benchmarks.report.page.markup import Markup, element, joined
from rapsam.benchmarks.report.page.run_tables import run_details, runs_table
from rapsam.benchmarks.report.page.runs import NumberedRun, numbered
from rapsam.benchmarks.report.page.scatter import scatter_charts
from rapsam.benchmarks.report.page.sustained import sustained_charts
from rapsam.benchmarks.report.words import counted, milliseconds
from rapsam.errors import InputError

MAX_PAGE_BYTES = 2_000_000
MAX_RUNS = 200
_STYLE = Path(__file__).with_name("page.css")
_TITLE = "Latency and fidelity"


def page_of(records: Sequence[LatencyRecord], bundles: Sequence[BundleView]) -> bytes:
    """Makes the page.

    Args:
        records: Runs; may be none if there is a bundle.
        bundles: Bundles whose results are shown.

    Raises:
        InputError: If the page would be larger than 2 MB, or there are more than 200 runs.
    """
    if len(records) > MAX_RUNS:
        raise InputError(f"{len(records):,} runs; expected at most {MAX_RUNS} on one page: give fewer files")
    runs = numbered(records)
    parts = [element("h1", _TITLE), element("p", *_summary(runs, bundles))]
    parts += _run_sections(runs) if runs else []
    if bundles:
        parts.append(
            element("section", element("h2", "Bundles beside their reference"), *map(bundle_section, bundles))
        )
    page = f"<!doctype html>\n{_document(joined(*parts))}\n".encode()
    if len(page) > MAX_PAGE_BYTES:
        raise InputError(
            f"the page has {len(page) / 1e6:.1f} MB; expected at most {MAX_PAGE_BYTES / 1e6:.0f}: give fewer "
            "records or bundles"
        )
    return page


def _document(body: Markup) -> Markup:
    style = _STYLE.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    )
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("link", rel="icon", href="data:,"),
        element("title", _TITLE),
        element("style", Markup(style)),
    )
    return element("html", head, element("body", element("main", body)), lang="en")


def _summary(runs: Sequence[NumberedRun], bundles: Sequence[BundleView]) -> list[str]:
    devices = len({run.place for run in runs})
    failed = sum(run.record.status == "failed" for run in runs)
    days = sorted({run.record.created_utc[:10] for run in runs})
    when = f", measured {' to '.join(dict.fromkeys((days[0], days[-1])))}" if days else ""
    said = [
        f"{counted(len(runs), 'run')} on {counted(devices, 'device')}{when}; {failed} failed. "
        if runs
        else ""
    ]
    said.append(f"{counted(len(bundles), 'bundle')}. " if bundles else "")
    return [text for text in said if text]


def _run_sections(runs: Sequence[NumberedRun]) -> list[Markup]:
    sustained = sustained_charts(runs)
    sections = [
        ("Near to the reference, and fast", joined(_fastest(runs), scatter_charts(runs))),
        ("Stages", stage_charts(runs)),
        ("Sustained", sustained),
        ("Runs", joined(runs_table(runs), run_details(runs))),
    ]
    return [element("section", element("h2", title), content) for title, content in sections if content]


def _fastest(runs: Sequence[NumberedRun]) -> Markup | None:
    """Names on every device the run to take, of those that run the same network at the same size."""
    groups: dict[tuple[str, str, tuple[int, ...] | None], list[NumberedRun]] = {}
    for run in runs:
        model = run.record.model
        groups.setdefault((run.place, model.name or model.file, model.input_shape), []).append(run)
    lines = []
    for (place, name, _), members in groups.items():
        found = fastest_correct([run.record for run in members])
        if found is not None and len(members) > 1:
            run = next(run for run in members if run.record is found.record)
            says = f"Fastest correct of {len(members)} runs of {name} on {place}: "
            took = f", {found.stage.name} {milliseconds(found.stage.ms.p50)}"
            lines.append(element("li", says, element("strong", run.name), took))
    return element("ul", *lines) if lines else None
