"""Records of a localisation: where along the network an artifact begins to differ."""

from __future__ import annotations

import msgspec

from rapsam.export.backends.base import Provenance

SCHEMA_VERSION = 1


class TapParity(msgspec.Struct, frozen=True, kw_only=True):
    """One module of one graph.

    Attributes:
        module: Path of the module inside the graph; the graph's own outputs are in parentheses.
        shape: Shape of its output.
        max_abs: Largest absolute difference; None if a value is NaN or infinite.
        cosine: Cosine similarity; None as above.
        sqnr_db: 10 log10(sum ref^2 / sum err^2); None for equal tensors, and as above.
        rounding_db: SQNR of the worst randomly rounded run in PyTorch; None if rounding changes nothing,
            or if a run has a value that is NaN or infinite.
        drop_db: By how much it is worse than the worst of the modules that it is computed from; None if a
            value is NaN or infinite.
    """

    module: str
    shape: tuple[int, ...]
    max_abs: float | None
    cosine: float | None
    sqnr_db: float | None
    rounding_db: float | None
    drop_db: float | None


class GraphLocalisation(msgspec.Struct, frozen=True, kw_only=True):
    """One graph in one runtime.

    Attributes:
        runtime: What ran the graph.
        provenance: "measured" in a real runtime, "emulated" by an interpreter of ours.
        graph: Name of the graph.
        taps: In the order of execution, the graph's own outputs last.
        first_bad: First module under the threshold, or None.
        largest_drop: Module with the largest drop.
        same_as_bundle: Whether the bundle's own graph is as far from the reference, at every output.
        bundle_note: How it differs, where it does.
        rewrites_db: Smallest SQNR of the graph in PyTorch against the trainable network: what is lost
            before any conversion; None for equal outputs.
        reason: Why it was not run; the fields above are then empty.
    """

    runtime: str
    provenance: Provenance
    graph: str
    taps: tuple[TapParity, ...] = ()
    first_bad: str | None = None
    largest_drop: str | None = None
    same_as_bundle: bool | None = None
    bundle_note: str = ""
    rewrites_db: float | None = None
    reason: str = ""


class LocalisationReport(msgspec.Struct, frozen=True, kw_only=True):
    """All graphs of a bundle.

    Attributes:
        schema_version: Version of this format.
        recipe: Recipe of the bundle.
        case: Name of the input.
        threshold_db: SQNR that every module must have; None where rounding is the yardstick.
        graphs: Per graph and runtime.
    """

    schema_version: int
    recipe: str
    case: str
    threshold_db: float | None
    graphs: tuple[GraphLocalisation, ...]

    @property
    def diverges(self) -> bool:
        """Whether a module is under the threshold, or a bundle's graph is not what it should be."""
        return any(graph.first_bad or graph.same_as_bundle is False for graph in self.graphs)
