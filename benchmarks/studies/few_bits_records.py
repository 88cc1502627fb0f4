"""What `few_bits` records: sizes, times and losses of recipes beside fp32 in the same runtime."""

from __future__ import annotations

from typing import Literal

import msgspec

from rapsam.benchmarks.measuring.records import Versioned
from rapsam.export.bundle.quantisation import Figure
from rapsam.machine import Machine

NANO, R18, R50 = "rapsam_nano", "rapsam_r18", "rapsam_r50"


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """What a bundle loses against the fp32 bundle of its target, on the same images.

    Attributes:
        figure: Panoptic quality, or the mean IoU of one click or of a box.
        value: Of the bundle, 0..1.
        reference: Of the fp32 bundle, 0..1.
        points: Reference less value, in points of 100.
        standard_error: Of the points, by a jackknife over groups of images; None where it cannot be told.
    """

    figure: Figure
    value: float
    reference: float
    points: float
    standard_error: float | None


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """A graph and its fp32 form, timed in turns, one thread.

    Attributes:
        ms: Median of a pass.
        float_ms: The same of the fp32 form.
        ratio: Median of the ratios of each turn.
    """

    ms: float
    float_ms: float
    ratio: float


class GraphRow(msgspec.Struct, frozen=True, kw_only=True):
    """One graph beside its fp32 form.

    Attributes:
        graph: Its name.
        precision: That it ended up with.
        why: Why not with that of the recipe; empty if with that.
        size_bytes: Of the artifact.
        float_bytes: Of the fp32 artifact.
        times: None where no real runtime works here.
    """

    graph: str
    precision: str
    why: str
    size_bytes: int
    float_bytes: int
    times: Times | None


class FewBitsRow(msgspec.Struct, frozen=True, kw_only=True):
    """One recipe, with one model.

    Attributes:
        name: As in `--rows`.
        created_utc: When, ISO 8601.
        machine: Where.
        provenance: Whether a real runtime computed the figures, or an interpreter of ours.
        runtime: What computed both sides.
        model: Variant.
        weights: As in `--checkpoint`, of both sides.
        trained_with: Recipe and source of the training that made this side's; empty where both are the same.
        target: As in `rapsam.export.backends.catalogue.TARGETS`.
        precision: Of the recipe.
        recipe: Its name.
        size: Image height and width.
        calibration: Where the images came from that ranges were found on, and how many; empty without any.
        parity: Verdict of the bundle's comparison with PyTorch; empty where graphs were lowered alone.
        images: Held-out images that were scored; 0 where size and speed alone were measured.
        losses: On these.
        graphs: One by one.
        load_average: Running processes over the minute before the graphs were timed.
        source_sha256: Digest of the toolkit's source.
        tool_versions: Packages that lowered and ran.
    """

    name: str
    created_utc: str
    machine: Machine
    provenance: Literal["measured", "emulated"]
    runtime: str
    model: str
    weights: str
    trained_with: str = ""
    target: str
    precision: str
    recipe: str
    size: tuple[int, int]
    calibration: str
    parity: str
    images: int
    losses: tuple[Loss, ...]
    graphs: tuple[GraphRow, ...]
    load_average: float
    source_sha256: str
    tool_versions: dict[str, str]

    @property
    def size_ratio(self) -> float:
        """Bytes of all graphs, of those of the fp32 graphs."""
        return sum(g.size_bytes for g in self.graphs) / sum(g.float_bytes for g in self.graphs)

    def loss(self, figure: str) -> Loss | None:
        """Finds what was lost of a figure; None if it was not scored."""
        return next((loss for loss in self.losses if loss.figure == figure), None)

    def time_ratio(self, graph: str) -> float | None:
        """Returns the time of a graph, of that of its fp32 form; of the slowest one where none is named."""
        found = [g.times.ratio for g in self.graphs if g.times and graph in ("", g.graph)]
        return max(found, default=None)


class FewBits(Versioned, frozen=True, kw_only=True):
    """Content of `results/few_bits.json`.

    Attributes:
        rows: One per recipe and model.
        not_run: Name of a row to the reason why this machine cannot measure it.
    """

    rows: tuple[FewBitsRow, ...] = ()
    not_run: dict[str, str] = msgspec.field(default_factory=dict)

    def row(self, name: str) -> FewBitsRow | None:
        """Finds a row by its name."""
        return next((row for row in self.rows if row.name == name), None)

    def with_row(self, row: FewBitsRow) -> FewBits:
        """Puts a row in the place of the older one of its name, or behind all others."""
        kept = {each.name: each for each in self.rows}
        kept[row.name] = row
        not_run = {name: reason for name, reason in self.not_run.items() if name != row.name}
        return msgspec.structs.replace(self, rows=tuple(kept.values()), not_run=not_run)

    def without_row(self, name: str, reason: str) -> FewBits:
        """Takes a row out that this machine cannot measure."""
        rows = tuple(row for row in self.rows if row.name != name)
        return msgspec.structs.replace(self, rows=rows, not_run=self.not_run | {name: reason})
