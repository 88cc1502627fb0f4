"""What few bits cost a bundle: `quantisation.json`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import msgspec

from rapsam.errors import BundleError
from rapsam.export.bundle.manifest_check import one_line
from rapsam.untrusted import read_limited

Figure = Literal["pq", "click", "box", "image-pq", "image-iou"]
"""What a budget can be of.

The first three are means over all images, against what people drew: panoptic quality, IoU of one click, IoU
of a box. The others are of the one image that comes out worst, against the result of the float graphs: its
panoptic quality, the mean IoU of its prompted masks.
"""
TITLES: dict[Figure, str] = {
    "pq": "PQ",
    "click": "IoU of a click",
    "box": "IoU of a box",
    "image-pq": "PQ of the worst image",
    "image-iou": "prompted IoU of the worst image",
}
WORST: tuple[Figure, ...] = ("image-pq", "image-iou")
"""Figures of the worst image: facts about these images, without an error; of others nothing is said."""
T_95 = 1.729
"""One-sided 95 % quantile of Student's t with 19 degrees of freedom: errors come from 20 groups of images."""

QUANTISATION_NAME = "quantisation.json"
QUANTISATION_SCHEMA = 3
_MAX_BYTES = 64 * 1024**2


class CalibrationEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The images that ranges were found on.

    Attributes:
        name: Where they came from.
        images: How many.
        sha256: Of all their pixels.
        warnings: A line for each thing that is odd about them.
    """

    name: str
    images: int
    sha256: str
    warnings: tuple[str, ...]


class OutputCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One output of a quantised graph; the worst of some samples, signal to noise in decibels.

    Attributes:
        output: Its name.
        quantisation_db: Of the quantised graph, computed in PyTorch, against the float graph: what few bits
            cost whatever runs them. None where the target's own tools quantise, or both are equal.
        artifact_db: Of the artifact against the float graph; None where it cannot run here.
        runtime_db: Of the artifact against the quantised graph in PyTorch: what the runtime adds.
    """

    output: str
    quantisation_db: float | None
    artifact_db: float | None
    runtime_db: float | None


class FormTiming(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time of a quantised graph beside that of the float one, measured in turns, one thread.

    Attributes:
        runtime: What ran both.
        machine: The processor; None where the system does not say.
        ms: Median of the quantised graph.
        float_ms: Median of the float graph.
        ratio: Median of the ratios of neighbouring runs.
        pairs: Number of these.
        provenance: Always measured.
    """

    runtime: str
    machine: str | None
    ms: float
    float_ms: float
    ratio: float
    pairs: int
    provenance: Literal["measured"] = "measured"


class LeftFloat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator with multiply-adds that is computed in float, in which module, and why."""

    module: str
    kind: str
    why: str


class GraphQuantisation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What few bits cost one graph.

    Attributes:
        graph: Its name.
        precision: That it has in this bundle.
        why: Why it has another precision than the bundle; empty if it has not.
        outputs: What it costs them.
        timing: Of the bundle's precision against float; None where it could not be timed here.
        taken: Of the precision that the graph has, where that is another of few bits and could be timed.
        left: What is computed in float.
    """

    graph: str
    precision: str
    why: str
    outputs: tuple[OutputCost, ...]
    timing: FormTiming | None
    taken: FormTiming | None = None
    left: tuple[LeftFloat, ...]


class FigureDrop(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a bundle loses of one figure against the float graphs in the same runtime, on the same images.

    Attributes:
        figure: What it is.
        points: Reference less subject, in points of 100.
        standard_error: Of that; None where it cannot be told. 0 for what is said of these images only.
        image: The image that decides, for figures of the worst one.
    """

    figure: Figure
    points: float
    standard_error: float | None
    image: str | None = None

    def upper(self, t: float) -> float:
        """Returns the upper end of a one-sided confidence interval, in points; infinite if it is not known.

        Args:
            t: Quantile of Student's t with 19 degrees of freedom.
        """
        return math.inf if self.standard_error is None else self.points + t * self.standard_error


class UnitCost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What few bits in one part of a graph cost by themselves, all others being float.

    Attributes:
        unit: Its name: graph and role, or graph and layers.
        graph: The graph.
        modules: What belongs to it.
        macs: Its multiply-adds.
        worst_db: Signal to noise of the graph's worst output, on a few samples; None if it cannot be told.
        images: So many were scored; 0 where the tensors show that there is nothing to be seen.
        drops: What was lost on them.
        kept: Whether it stays float in this bundle.
    """

    unit: str
    graph: str
    modules: tuple[str, ...]
    macs: int
    worst_db: float | None
    images: int
    drops: tuple[FigureDrop, ...]
    kept: bool


class BudgetReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a bundle holds its budget.

    Attributes:
        limits: Most points that may be lost, by figure.
        data: What was scored.
        data_sha256: Digest of its images and annotations.
        images: Number of images that judged it: all, or after a search those that ranked no part.
        runtime: What computed both sides.
        drops: What the bundle loses; their upper ends are within the limits.
        t: Student's t that errors were multiplied with for these ends, larger after a search: with each
            bundle that is looked at chance has another try.
        kept_macs: Multiply-adds that stay float for the budget.
        macs: All multiply-adds that could be integers.
        units: What was found of each part; empty where everything in few bits holds the budget.
        measurements: Number of bundles that were scored to find this one.
    """

    limits: dict[Figure, float]
    data: str
    data_sha256: str
    images: int
    runtime: str
    drops: tuple[FigureDrop, ...]
    t: float
    kept_macs: int
    macs: int
    units: tuple[UnitCost, ...]
    measurements: int


class QuantisationReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What few bits cost a bundle.

    Attributes:
        schema_version: Of this format.
        precision: Of the recipe.
        calibration: The images that ranges were found on; None where weights alone have few bits.
        graphs: One by one.
        budget: How it holds its budget; None if it has none.
    """

    schema_version: int
    precision: str
    calibration: CalibrationEntry | None
    graphs: tuple[GraphQuantisation, ...]
    budget: BudgetReport | None = None


def read_quantisation(folder: Path) -> QuantisationReport:
    """Reads what few bits cost a verified bundle.

    Raises:
        BundleError: If the bundle has float graphs only, or the file cannot be read.
    """
    path = folder / QUANTISATION_NAME
    if not path.is_file():
        raise BundleError(
            f"{folder} has no {QUANTISATION_NAME}: its graphs are float; export it as w8a8, say"
        )
    try:
        report = msgspec.json.decode(read_limited(path, _MAX_BYTES), type=QuantisationReport)
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BundleError(
            f"{path} does not tell what few bits cost ({one_line(error)}); export it again"
        ) from error
    if report.schema_version != QUANTISATION_SCHEMA:
        raise BundleError(
            f"{path} has schema version {report.schema_version}; expected {QUANTISATION_SCHEMA}: "
            "export the bundle again"
        )
    return report
