"""Records of a parity check: figures first, then the verdict."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from rapsam.export.backends.base import Provenance
from rapsam.export.bundle.manifest import Verdict

SCHEMA_VERSION = 2
Status = Literal["passed", "benign", "failed", "not run", "not meaningful"]
"""Benign: a gate is missed, but as rounding alone misses it, and reached over what rounding does not decide
(a tensor has no such part). Not meaningful: there is nothing to compare, or rounding decides all of it."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What every row says.

    Attributes:
        runtime: What ran the artifacts.
        provenance: "measured" in a real runtime, "emulated" by an interpreter of ours.
    """

    runtime: str
    provenance: Provenance


class Judgement(Comparison, frozen=True, kw_only=True):
    """What every row with a verdict says.

    Attributes:
        status: Verdict.
        reason: Why it failed, is benign, was not run, or means nothing; empty if it passed.
    """

    status: Status
    reason: str = ""


class TensorParity(Judgement, frozen=True, kw_only=True):
    """One output of one graph on one input, compared with the reference on the same input.

    Attributes:
        graph: Name of the graph.
        output: Name of the output.
        case: Name of the input.
        max_abs: Largest absolute difference; None if it was not run.
        cosine: Cosine similarity of the flattened tensors.
        sqnr_db: 10 log10(sum ref^2 / sum err^2); None if there is no error at all.
        rounding_db: The same for the reference against itself, rounded at random as this precision
            rounds: what a faithful artifact can reach. None if rounding changes nothing.
    """

    graph: str
    output: str
    case: str
    max_abs: float | None = None
    cosine: float | None = None
    sqnr_db: float | None = None
    rounding_db: float | None = None


class TaskParity(Judgement, frozen=True, kw_only=True):
    """One task on one input, from image to result, compared with the reference.

    Attributes:
        task: "objects", "panoptic" or "prompt".
        case: Name of the input.
        mask_iou: Mean IoU of matched masks (objects), or of the prompts' masks, at the resolution of the
            mask logits, without padding.
        least_mask_iou: The same of the one mask that is farthest from its partner; no gate asks for it.
        class_agreement: Share of matched queries with the same class.
        pq: Panoptic quality of the exported result against the reference result.
        segments: Segments in the exported result.
        reference_segments: Segments in the reference result.
        decided: PQ or mask IoU over decided segments or pixels alone; None where the gate is reached
            without, or where nothing is decided.
        decided_segments: Segments of the reference that are decided; None where the gate is reached.
        rounded: Smallest PQ or mask IoU of the randomly rounded reference against the reference itself;
            None where the gate is reached.
    """

    task: str
    case: str
    mask_iou: float | None = None
    least_mask_iou: float | None = None
    class_agreement: float | None = None
    pq: float | None = None
    segments: int | None = None
    reference_segments: int | None = None
    decided: float | None = None
    decided_segments: int | None = None
    rounded: float | None = None


class DecisionParity(Comparison, frozen=True, kw_only=True):
    """Decisions of one kind on one input: how many the reference hardly decides, how many came out other.

    Attributes:
        case: Name of the input.
        decision: What is decided, see `rapsam.export.parity.decisions`.
        total: Decisions of this kind.
        at_risk: Those within rounding distance in the reference.
        flips: Those that the artifact decides otherwise.
        benign: Flips among those at risk; the rest are errors.
    """

    case: str
    decision: str
    total: int
    at_risk: int
    flips: int
    benign: int

    @property
    def errors(self) -> int:
        """Flips of what the reference decides clearly."""
        return self.flips - self.benign


class HistogramParity(Judgement, frozen=True, kw_only=True):
    """How classes or areas are distributed on one input, against the reference.

    Attributes:
        case: Name of the input.
        histogram: What is counted, see `rapsam.export.parity.histograms`.
        shift: Total variation distance of the two distributions, 0 (equal) to 1 (nothing in common).
        rounded_shift: Largest shift of the randomly rounded reference.
    """

    case: str
    histogram: str
    shift: float | None = None
    rounded_shift: float | None = None


class VideoParity(Judgement, frozen=True, kw_only=True):
    """A clip, tracked frame by frame, against the reference on the same clip.

    Attributes:
        clip: Name of the clip.
        frame_ious: Per frame the mean mask IoU of the tracks, matched over the whole clip; None where
            all masks are empty, as in the three that follow.
        query_ious: Per frame the mean mask IoU of every query with itself, whatever the tracks.
        decided_ious: The same over the pixels that the reference decides.
        rounded_iou: Smallest mean of `query_ious` of the randomly rounded reference.
        transitions: Continuations of a query from one frame to the next, over the clip.
        switches: Those where the artifact continues a query by another one than the reference does.
        benign: Switches between continuations that the reference hardly tells apart.
    """

    clip: str
    frame_ious: tuple[float | None, ...] = ()
    query_ious: tuple[float | None, ...] = ()
    decided_ious: tuple[float | None, ...] = ()
    rounded_iou: float | None = None
    transitions: int = 0
    switches: int = 0
    benign: int = 0


JudgedRow: TypeAlias = TensorParity | TaskParity | HistogramParity | VideoParity
Row: TypeAlias = JudgedRow | DecisionParity


class ParityReport(msgspec.Struct, frozen=True, kw_only=True):
    """All comparisons of a bundle.

    Attributes:
        schema_version: Version of this format.
        model: Variant.
        recipe: Recipe of the bundle.
        size: Image height and width.
        reference: What computed the reference, such as "PyTorch 2.13.0 eager fp32 on CPU".
        score_threshold: Panoptic score threshold in use; None where no objects are found, as the next.
        overlap_threshold: Panoptic overlap threshold in use.
        tensors: Per graph, output and input.
        tasks: Per task and input.
        decisions: Per kind of decision and input; facts without a verdict.
        histograms: Per histogram and input.
        videos: Per clip; empty unless the bundle is for videos.
    """

    schema_version: int
    model: str
    recipe: str
    size: tuple[int, int]
    reference: str
    score_threshold: float | None
    overlap_threshold: float | None
    tensors: tuple[TensorParity, ...]
    tasks: tuple[TaskParity, ...]
    decisions: tuple[DecisionParity, ...] = ()
    histograms: tuple[HistogramParity, ...] = ()
    videos: tuple[VideoParity, ...] = ()

    @property
    def status(self) -> Verdict:
        """Returns the verdict: the worst that is true of the runtimes that ran.

        "failed" if anything failed; "undecided" if a runtime has an output, a task or a clip that no input
        decides; else "passed", or "emulated" if no real runtime ran. Where real ones ran, what only an
        interpreter of ours leaves open does not count.
        """
        if any(row.status == "failed" for row in self.judged()):
            return "failed"
        ran = self._decisive()
        if not ran:
            return "not run"
        if self.undecided():
            return "undecided"
        return "passed" if ran[0].provenance == "measured" else "emulated"

    def undecided(self) -> tuple[str, ...]:
        """One line per runtime and output, task or clip that no input decides."""
        ran = self._decisive()
        decided = {(row.runtime, _subject(row)) for row in ran if _decides(row)}
        subjects = dict.fromkeys((row.runtime, _subject(row)) for row in ran)
        return tuple(f"{place[0]}: {place[1]}" for place in subjects if place not in decided)

    def _decisive(self) -> list[JudgedRow]:
        """Rows that the verdict needs: of the real runtimes that ran, or of the others if there is none."""
        rows: tuple[JudgedRow, ...] = (*self.tensors, *self.tasks, *self.videos)
        ran = [row for row in rows if row.status != "not run"]
        return [row for row in ran if row.provenance == "measured"] or ran

    def failures(self) -> tuple[str, ...]:
        """One line per failed row, naming graph or task, output, input and reason."""
        return self.lines("failed")

    def not_run(self) -> tuple[str, ...]:
        """One line per runtime that did not run, with its reason."""
        lines = [f"{row.runtime}: not run: {row.reason}" for row in self.judged() if row.status == "not run"]
        return tuple(dict.fromkeys(lines))

    def lines(self, status: Status) -> tuple[str, ...]:
        """One line per row with this status, naming runtime, subject, input and reason."""
        rows = [row for row in self.judged() if row.status == status]
        return tuple(f"{row.runtime}: {_subject(row)}{_input(row)}: {row.reason}" for row in rows)

    def judged(self) -> tuple[JudgedRow, ...]:
        """All rows that have a verdict."""
        return (*self.tensors, *self.tasks, *self.histograms, *self.videos)


def _decides(row: JudgedRow) -> bool:
    """Whether a row proves something about its subject. No part of a benign tensor has reached its gate."""
    return row.status == "passed" or (row.status == "benign" and not isinstance(row, TensorParity))


def _subject(row: JudgedRow) -> str:
    if isinstance(row, TensorParity):
        return f"graph {row.graph!r}, output {row.output!r}"
    if isinstance(row, TaskParity):
        return f"task {row.task!r}"
    if isinstance(row, HistogramParity):
        return f"histogram {row.histogram!r}"
    return f"clip {row.clip!r}"


def _input(row: JudgedRow) -> str:
    return "" if isinstance(row, VideoParity) else f", input {row.case!r}"
