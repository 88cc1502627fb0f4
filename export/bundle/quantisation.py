"""What few bits cost a bundle: `quantisation.json`."""

from __future__ import annotations

from typing import Literal

import msgspec

QUANTISATION_NAME = "quantisation.json"
QUANTISATION_SCHEMA = 1


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
        timing: Of the bundle's precision against float; None where no runtime works here.
        left: What is computed in float.
    """

    graph: str
    precision: str
    why: str
    outputs: tuple[OutputCost, ...]
    timing: FormTiming | None
    left: tuple[LeftFloat, ...]


class QuantisationReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What few bits cost a bundle.

    Attributes:
        schema_version: Of this format.
        precision: Of the recipe.
        calibration: The images that ranges were found on; None where weights alone have few bits.
        graphs: One by one.
    """

    schema_version: int
    precision: str
    calibration: CalibrationEntry | None
    graphs: tuple[GraphQuantisation, ...]
