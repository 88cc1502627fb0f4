"""What is known of promptable networks in every format: how near their masks are to the reference's."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from rapsam.benchmarks.measuring.records import RESULTS, SCHEMA_VERSION, Versioned, records_or
from rapsam.machine import Machine

FILE = RESULTS / "sam_formats.json"
COMMAND = "python -m rapsam.benchmarks.studies.sam_formats --work DIR --model NAME --recipe NAME"


class GraphShare(msgspec.Struct, frozen=True, kw_only=True):
    """What a delegate takes of a graph.

    Attributes:
        delegate: Its name.
        provenance: See `DelegationReport`.
        mac_share: Of the multiply-adds, 0..1.
        partitions: Pieces that it gets.
    """

    delegate: str
    provenance: Literal["measured", "estimated"]
    mac_share: float
    partitions: int


class SamFormatRow(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle, exported and compared with the reference on images of several shapes.

    Attributes:
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Whether the figures come from a real runtime.
        model: Variant.
        weights: Where the weights come from.
        recipe: Recipe.
        size: Image height and width.
        tool_versions: Packages that lowered the graphs.
        export_s: Seconds for lowering, golden files and parity; what the reference of another format has
            computed before is not computed again. None where the bundle was there already, as the next.
        peak_rss_mb: Largest resident memory of the process so far, MiB.
        graphs_mb: MB (10^6 bytes) per graph.
        shares: Per graph, what a delegate takes; graphs of formats that report on none are left out.
        runtimes: Runtimes that ran.
        not_run: Runtimes that did not, with reasons.
        status: Verdict of parity.
        exact: Whether all outputs were compared, and no number differs.
        least_sqnr_db: Of all outputs, inputs and runtimes that differ; None where none does, or nothing ran.
        mean_iou: Mean IoU of the masks of an image, at the resolution of the mask logits, in the image and
            the runtime where it is least.
        least_iou: IoU of the one mask, of all images, prompts and candidates, that is farthest off; None
            where no mask was compared.
        least_iou_image: The image of that mask.
        images: Name to height and width, of all that were compared.
        prompts: Prompts of each image.
        failures: What missed its gate.
        benign: What missed it where rounding alone decides.
    """

    created_utc: str
    machine: Machine
    provenance: Literal["measured", "emulated"]
    model: str
    weights: str
    recipe: str
    size: tuple[int, int]
    tool_versions: dict[str, str]
    export_s: float | None
    peak_rss_mb: int | None
    graphs_mb: dict[str, float]
    shares: dict[str, GraphShare]
    runtimes: tuple[str, ...]
    not_run: tuple[str, ...]
    status: str
    exact: bool
    least_sqnr_db: float | None
    mean_iou: float | None
    least_iou: float | None
    least_iou_image: str | None
    images: dict[str, tuple[int, int]]
    prompts: int
    failures: tuple[str, ...]
    benign: tuple[str, ...]


class SamFormatRecords(Versioned, frozen=True, kw_only=True):
    """Content of `results/sam_formats.json`: the last export of each network by each recipe."""

    rows: tuple[SamFormatRow, ...] = ()


def known_sam_formats(path: Path = FILE) -> SamFormatRecords:
    """Reads what was measured so far; nothing where there is no file.

    Raises:
        InputError: If it is damaged.
    """
    return records_or(path, SamFormatRecords(schema_version=SCHEMA_VERSION, command=COMMAND))
