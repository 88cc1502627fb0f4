"""What lint has found, as a record.

    python -m rapsam.export.lint.report

writes its JSON Schema anew.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from rapsam.export.lint.rules import Severity, Standing
from rapsam.files import write_atomic
from rapsam.json_schema import schema_text

SCHEMA_VERSION = 2
SCHEMA_FILE = Path(__file__).with_name("lint_report.schema.json")
Readiness = Literal["ready", "partly", "not"]
Shape = tuple[int, ...]


class Finding(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One place where a rule is broken.

    Attributes:
        rule: Name of the rule.
        accelerator: Where; None for a rule of any phone.
        severity: That of the rule; a note where the rule is fixed in the installed runtime, or where weights
            that have learnt nothing make what was measured meaningless, or the accelerator takes no part.
        units: Compute units that an app must choose for it to happen; None where it does with those that
            were judged.
        standing: See `rapsam.export.lint.rules.Standing`.
        seen_with: Runtime and version that the rule was seen with; None if nobody says.
        installed: Version of that runtime here; None if there is none.
        graph: The graph; None for all of the model.
        module: Dotted name of the module that it comes from, or of a file's node; empty for none.
        role: What the module does, by the family; None if the family says nothing of it.
        operator: Name of the operator, of PyTorch or of the file's format; empty for none.
        inputs: Shapes of the tensors that it reads; -1 for a side that is not fixed.
        outputs: Shapes of its results.
        macs: Multiply-adds of the operator; None where nobody knows.
        mac_share: Their share of the graph's, 0 to 1; None where nobody knows.
        bytes_moved: What it reads and writes, at the recipe's precision; None where nobody knows.
        detail: What of it breaks the rule.
        says: What happens then.
        mend: What mends it.
        evidence: Who says so.
    """

    rule: str
    accelerator: str | None
    severity: Severity
    units: str | None = None
    standing: Standing
    seen_with: str | None
    installed: str | None
    graph: str | None
    module: str
    role: str | None
    operator: str
    inputs: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    macs: int | None
    mac_share: float | None
    bytes_moved: int | None
    detail: str
    says: str
    mend: str
    evidence: tuple[str, ...]


class LargestTensor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The largest tensor that is computed: operator and module that make it, shape and size."""

    operator: str
    module: str
    shape: Shape
    size_bytes: int


class GraphFigures(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a graph costs.

    Attributes:
        graph: Its name.
        source: What was read: the "captured" graph of a model, a bundle's "file", or its "manifest" only.
        macs: Multiply-adds.
        operators: Number of operators.
        bytes_moved: What they read and write, at the recipe's precision; None by manifest only.
        weight_bytes: Of weights, at the recipe's precision; of a bundle, the size of the artefact.
        peak_activation_bytes: Most that is alive at a time; by manifest only no less than this: its borders.
        peak_at: Module, node or operator where that is; empty where it is not known.
        largest: None by manifest only.
        estimated_ms: By roofline, "estimated": no less than this; None where a fact is missing.
    """

    graph: str
    source: Literal["captured", "file", "manifest"]
    macs: int
    operators: int | None
    bytes_moved: int | None
    weight_bytes: int
    peak_activation_bytes: int
    peak_at: str
    largest: LargestTensor | None
    estimated_ms: float | None


class MemoryEstimate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What running the graphs one after another needs, all of them loaded.

    Attributes:
        weight_bytes: Of all graphs.
        activation_bytes: Of the graph that needs most.
        total_bytes: Both; what a runtime needs for itself comes on top.
        ram_mb: Of the phone, in MiB; None if nobody knows.
        ram_unknown: Why nobody does; empty if it is known.
        share: Of the phone's memory; None if that is not known.
    """

    weight_bytes: int
    activation_bytes: int
    total_bytes: int
    ram_mb: int | None
    ram_unknown: str
    share: float | None


class WorstValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The largest absolute value of a kind in a graph, over the calibration images.

    Attributes:
        graph: The graph.
        what: "layer norm input", "sum" (of what a sum or a mean adds up) or "result" (of any operator).
        value: The value; None where it is infinite or no number.
        limit: What float16 takes there.
        module: Where it is.
        operator: Of which operator.
    """

    graph: str
    what: Literal["layer norm input", "sum", "result"]
    value: float | None
    limit: float
    module: str
    operator: str


class LintReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lint says of a model or a bundle.

    Attributes:
        schema_version: Of this record.
        subject: The variant, or the folder.
        kind: Which of both.
        device: Of the catalogue; None without one.
        target: Format.
        recipe: How it is, or would be, lowered.
        size: Height and width of the image in pixels.
        tasks: What it is to do.
        compute_units: For which was judged: what the user named, else what the catalogue advises for the
            phone; None where nobody says: all accelerators of the target were.
        accelerators: Those of the target that take part with these.
        provenance: All figures follow from shapes and lists: nothing ran on a phone.
        readiness: "not" with errors, "partly" with warnings, else "ready".
        findings: Errors first.
        graphs: Costs.
        memory: Estimate.
        estimate_unknown: Why there is no time by roofline; empty if there is one.
        calibration: Images that the ranges were looked for on; None if nobody looked.
        calibration_images: How many.
        worst: The worst values.
        notes: What else a reader must know.
    """

    schema_version: int = SCHEMA_VERSION
    subject: str
    kind: Literal["model", "bundle"]
    device: str | None
    target: str
    recipe: str
    size: tuple[int, int]
    tasks: tuple[str, ...]
    compute_units: str | None
    accelerators: tuple[str, ...]
    provenance: Literal["estimated"] = "estimated"
    readiness: Readiness
    findings: tuple[Finding, ...]
    graphs: tuple[GraphFigures, ...]
    memory: MemoryEstimate
    estimate_unknown: str
    calibration: str | None
    calibration_images: int
    worst: tuple[WorstValue, ...]
    notes: tuple[str, ...]

    @property
    def errors(self) -> int:
        """Number of findings that are errors."""
        return sum(finding.severity == "error" for finding in self.findings)

    @property
    def warnings(self) -> int:
        """Number of findings that are warnings."""
        return sum(finding.severity == "warning" for finding in self.findings)


def readiness_of(findings: Iterable[Finding]) -> Readiness:
    """Says "not" where there are errors, "partly" where there are warnings, else "ready"."""
    severities = {finding.severity for finding in findings}
    if "error" in severities:
        return "not"
    return "partly" if "warning" in severities else "ready"


def sorted_findings(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Puts errors first, then warnings, and of each the one that moves most bytes first."""
    order = ("error", "warning", "note")
    return tuple(
        sorted(
            findings, key=lambda f: (order.index(f.severity), f.rule, f.graph or "", -(f.bytes_moved or 0))
        )
    )


if __name__ == "__main__":
    write_atomic(SCHEMA_FILE, schema_text(LintReport))
