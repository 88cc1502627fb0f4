"""A bundle on the page: results side by side, parity, and what its delegate takes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image

from rapsam.benchmarks.report.bundle_view import BundleView
from rapsam.benchmarks.report.golden_pictures import GoldenPicture
from rapsam.benchmarks.report.page.markup import Child, Markup, data_table, element, joined
from rapsam.benchmarks.report.page.runs import badge
from rapsam.benchmarks.report.words import UNKNOWN, bare, decibels, megabytes, percent
from rapsam.export.bundle.manifest import GraphEntry
from rapsam.export.parity.report import TaskParity, TensorParity
from rapsam.tasks.arrays import Pixels

_GRAPHS = (
    "graph",
    "size",
    "MMACs published",
    "MMACs exported",
    "delegate",
    "of MACs",
    "of operators",
    "pieces",
    "outside",
    "report",
)
_PARITY = ("of", "input", "status", "figure", "runtime", "provenance", "reason")
_BADNESS = {"failed": 0, "benign": 1, "passed": 2, "not meaningful": 3, "not run": 4}
_MOST_ROWS, _MOST_FALLBACKS = 40, 4
_LONGEST_SIDE = 320
_QUALITY = 72


def bundle_section(view: BundleView) -> Markup:
    """Shows a bundle."""
    manifest = view.manifest
    size = "x".join(map(str, manifest.preprocess.size))
    tasks = ", ".join(manifest.tasks)
    says = (
        f"{manifest.model.name}, {manifest.model.weights}; recipe {manifest.recipe}, {size}; tasks {tasks}."
    )
    return element(
        "section",
        element("h3", view.name),
        element("p", says),
        _pictures(view),
        _parity(view),
        data_table(
            _GRAPHS, map(_graph_cells, manifest.graphs), "Graphs, and what the delegate takes of them"
        ),
        class_="bundle",
    )


def _pictures(view: BundleView) -> Markup:
    parts = [
        element(
            "p",
            f"Golden images, run here by {view.runtime} ",
            badge(view.provenance) if view.provenance else None,
            ", the worst first. The reference is what the bundle carries for its self-test.",
        )
    ]
    parts += map(_picture, view.shown.pictures)
    parts += [element("p", f"No picture of {line}", class_="note") for line in view.shown.missing]
    return joined(*parts)


def _picture(picture: GoldenPicture) -> Markup:
    drawn = picture.drawn
    sides = (("reference", drawn.reference), ("exported", drawn.exported), ("difference", drawn.difference))
    gaps = (
        ""
        if picture.step == 1
        else f"; 1 in {picture.step} mask logits is stored, the rest is interpolated on both sides"
    )
    differ = f"{percent(drawn.differing)} of the pixels differ" if drawn.differing else "no pixel differs"
    title = f"{picture.task} on {picture.case}: {differ}{gaps}"
    images = [
        element(
            "div",
            element(
                "img",
                src=_encoded(pixels),
                alt=f"{name}: {title}",
                width=pixels.shape[1],
                height=pixels.shape[0],
            ),
            element("span", name),
        )
        for name, pixels in sides
    ]
    return element(
        "figure", element("figcaption", title), element("div", *images, class_="sides"), class_="masks"
    )


def _encoded(pixels: Pixels) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=_QUALITY)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _parity(view: BundleView) -> Markup:
    report = view.report
    if report is None:
        return element("p", "It was exported without parity.")
    compared: list[TaskParity | TensorParity] = [*report.tasks, *report.tensors]
    rows = sorted(compared, key=_badness)
    more = f", the worst {_MOST_ROWS} of {len(rows)} comparisons" if len(rows) > _MOST_ROWS else ""
    caption = f"Parity at export: {report.status}, against {report.reference}{more}"
    return data_table(_PARITY, map(_parity_cells, rows[:_MOST_ROWS]), caption)


def _badness(row: TaskParity | TensorParity) -> tuple[int, bool, float]:
    figure = row.sqnr_db if isinstance(row, TensorParity) else _task_figure(row)
    return _BADNESS[row.status], isinstance(row, TensorParity), float("inf") if figure is None else figure


def _task_figure(row: TaskParity) -> float | None:
    return row.pq if row.mask_iou is None else row.mask_iou


def _parity_cells(row: TaskParity | TensorParity) -> tuple[Child, ...]:
    if isinstance(row, TensorParity):
        subject = f"{row.graph}.{row.output}"
        equal = row.sqnr_db is None and row.max_abs == 0
        figure = "no difference" if equal else f"SQNR {decibels(row.sqnr_db)}"
    else:
        subject, value = f"task {row.task}", _task_figure(row)
        name = "PQ against the reference" if row.mask_iou is None else "mask IoU"
        figure = UNKNOWN if value is None else f"{name} {value:.4f}"
    status = element("span", row.status, class_="bad" if row.status == "failed" else None)
    return subject, row.case, status, figure, row.runtime, badge(row.provenance), row.reason


def _graph_cells(entry: GraphEntry) -> Sequence[Child]:
    found = entry.delegation
    cells: tuple[Child, ...] = (
        entry.contract.graph,
        megabytes(entry.size_bytes),
        bare(entry.macs_before / 1e6),
        bare(entry.macs_after / 1e6),
    )
    if found is None:
        return (*cells, *[UNKNOWN] * 6)
    outside = [f"{fallback.count} {fallback.op}" for fallback in found.fallbacks[:_MOST_FALLBACKS]]
    more = len(found.fallbacks) - len(outside)
    outside += [f"{more} more kinds"] if more > 0 else []
    return (
        *cells,
        found.delegate,
        percent(found.mac_share),
        f"{found.ops_delegated} of {found.ops}",
        str(found.partitions),
        ", ".join(outside) or "nothing",
        badge(found.provenance),
    )
