"""Records of a parity check: figures first, then the verdict."""

from __future__ import annotations

from typing import Literal

import msgspec

SCHEMA_VERSION = 1
Status = Literal["passed", "failed", "not run", "not meaningful"]
Verdict = Literal["passed", "emulated", "failed", "not run"]
Provenance = Literal["measured", "emulated"]


class TensorParity(msgspec.Struct, frozen=True, kw_only=True):
    """One output of one graph on one input, compared with the reference on the same input.

    Attributes:
        runtime: What ran the artifact.
        provenance: "measured" in a real runtime, "emulated" by an interpreter of ours.
        graph: Name of the graph.
        output: Name of the output.
        case: Name of the input.
        status: Verdict; a reason stands beside everything but "passed".
        max_abs: Largest absolute difference; None if it was not run.
        cosine: Cosine similarity of the flattened tensors.
        sqnr_db: 10 log10(sum ref^2 / sum err^2); None if there is no error at all.
        reason: Why it failed or was not run.
    """

    runtime: str
    provenance: Provenance
    graph: str
    output: str
    case: str
    status: Status
    max_abs: float | None = None
    cosine: float | None = None
    sqnr_db: float | None = None
    reason: str = ""


class TaskParity(msgspec.Struct, frozen=True, kw_only=True):
    """One task on one input, from image to result, compared with the reference.

    Attributes:
        runtime: What ran the artifacts.
        provenance: "measured" in a real runtime, "emulated" by an interpreter of ours.
        task: "objects", "panoptic" or "prompt".
        case: Name of the input.
        status: Verdict.
        mask_iou: Mean IoU of matched masks (objects), or of the prompts' masks.
        class_agreement: Share of matched queries with the same class.
        pq: Panoptic quality of the exported result against the reference result.
        segments: Segments in the exported result.
        reference_segments: Segments in the reference result.
        reason: Why it failed, was not run, or means nothing.
    """

    runtime: str
    provenance: Provenance
    task: str
    case: str
    status: Status
    mask_iou: float | None = None
    class_agreement: float | None = None
    pq: float | None = None
    segments: int | None = None
    reference_segments: int | None = None
    reason: str = ""


class ParityReport(msgspec.Struct, frozen=True, kw_only=True):
    """All comparisons of a bundle.

    Attributes:
        schema_version: Version of this format.
        model: Variant.
        recipe: Recipe of the bundle.
        size: Image height and width.
        reference: What computed the reference, such as "PyTorch 2.13.0 eager fp32 on CPU".
        score_threshold: Panoptic score threshold in use.
        overlap_threshold: Panoptic overlap threshold in use.
        tensors: Per graph, output and input.
        tasks: Per task and input.
    """

    schema_version: int
    model: str
    recipe: str
    size: tuple[int, int]
    reference: str
    score_threshold: float
    overlap_threshold: float
    tensors: tuple[TensorParity, ...]
    tasks: tuple[TaskParity, ...]

    @property
    def status(self) -> Verdict:
        """Gives "failed" if anything failed, "passed" for a real runtime, "emulated" if only ours ran."""
        rows = self._rows()
        if any(row.status == "failed" for row in rows):
            return "failed"
        passed = {row.provenance for row in rows if row.status == "passed"}
        if "measured" in passed:
            return "passed"
        return "emulated" if passed else "not run"

    def failures(self) -> tuple[str, ...]:
        """One line per failed row, naming graph or task, output, input and reason."""
        lines = [
            f"{row.runtime}: graph {row.graph!r}, output {row.output!r}, input {row.case!r}: {row.reason}"
            for row in self.tensors
            if row.status == "failed"
        ]
        lines += [
            f"{row.runtime}: task {row.task!r}, input {row.case!r}: {row.reason}"
            for row in self.tasks
            if row.status == "failed"
        ]
        return tuple(lines)

    def not_run(self) -> tuple[str, ...]:
        """One line per runtime that did not run, with its reason."""
        lines = [f"{row.runtime}: not run: {row.reason}" for row in self._rows() if row.status == "not run"]
        return tuple(dict.fromkeys(lines))

    def _rows(self) -> tuple[TensorParity | TaskParity, ...]:
        return (*self.tensors, *self.tasks)
