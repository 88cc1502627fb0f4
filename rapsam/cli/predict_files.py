"""Predicting one image or one video and writing what was found."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rapsam.cli.console import StepLog
from rapsam.data.coco import text_name, write_panoptic
from rapsam.data.images import read_image, write_image
from rapsam.data.mask_logits import write_mask_logits
from rapsam.data.prompt_results import CandidateRecord, PromptsFile, candidate_records, prompt_records
from rapsam.data.results import TrackCollector, TracksFile
from rapsam.data.videos import FrameTimes, VideoFrames, VideoWriter
from rapsam.files import write_json
from rapsam.inference.prompt_result import PromptResult
from rapsam.inference.segmenter import DEFAULT_MIN_SCORE, Segmenter
from rapsam.tasks.draw import draw_candidates, draw_instances, draw_interactive, draw_panoptic
from rapsam.tasks.everything import EverythingSpec
from rapsam.tasks.prompt_set import Choice, PromptSet

_DIGITS = 6
"""Of times in records: to the microsecond, which is finer than any video's clock."""


class Asked(NamedTuple):
    """What is asked of every input.

    Attributes:
        prompts: Of images; none for all that the network finds.
        multimask: Whether all candidates of a prompt are shown.
        choose: By what one of them is chosen; None for what the model does best.
        logits: Whether mask logits are written too.
        everything: How all regions of images are found, without prompts; None if nobody asks for that.
        min_score: Score that an instance in a video needs.
    """

    prompts: PromptSet = PromptSet(())
    multimask: bool = False
    choose: Choice | None = None
    logits: bool = False
    everything: EverythingSpec | None = None
    min_score: float = DEFAULT_MIN_SCORE


def predict_image(segmenter: Segmenter, path: Path, out: Path, name: str, log: StepLog) -> list[Path]:
    """Segments an image; returns the files written."""
    image = read_image(path)
    result, labels = segmenter.panoptic(image), segmenter.object_finder().labels
    log.still(f"{path}: drawing")
    overlay, png = out / f"{name}.overlay.png", out / f"{name}.panoptic.png"
    written = write_panoptic(png, result, labels, text_name(path))
    write_image(overlay, draw_panoptic(image, result, labels))
    return [overlay, png, written]


def predict_prompts(
    segmenter: Segmenter, path: Path, out: Path, name: str, asked: Asked, log: StepLog
) -> list[Path]:
    """Segments the prompted regions of an image; returns the files written."""
    image = read_image(path)
    several = True if asked.multimask else None
    found = segmenter.segment(image, asked.prompts, multimask=several, choose=asked.choose)
    log.still(f"{path}: drawing")
    candidates = _candidates(found) if asked.multimask else ()
    records = PromptsFile(
        file_name=text_name(path),
        height=image.shape[0],
        width=image.shape[1],
        prompts=prompt_records(asked.prompts, found.masks, found.predicted_iou.tolist(), candidates),
    )
    overlay, record = out / f"{name}.overlay.png", out / f"{name}.prompts.json"
    write_json(record, records)
    write_image(overlay, draw_interactive(image, found.masks, asked.prompts))
    written = [overlay, record]
    if asked.multimask:
        written.append(out / f"{name}.candidates.png")
        write_image(
            written[-1], draw_candidates(image, found.candidates[:, list(found.offered)], asked.prompts)
        )
    if asked.logits:
        written.append(out / f"{name}.logits.npy")
        write_mask_logits(written[-1], found.logits)
    return written


def _candidates(found: PromptResult) -> list[tuple[CandidateRecord, ...]]:
    rows = zip(found.candidates, found.candidate_iou.tolist(), found.stability.tolist(), strict=True)
    return [candidate_records(masks, iou, stability, found.offered) for masks, iou, stability in rows]


def predict_video(
    segmenter: Segmenter, path: Path, out: Path, name: str, min_score: float, log: StepLog
) -> list[Path]:
    """Follows the objects of a video, clip by clip; returns the files written."""
    labels = segmenter.object_finder().labels
    frames, tracks = VideoFrames(path), TrackCollector(labels)
    if frames.choice:
        log(f"{path}: taking {frames.choice}")
    overlay, record, times = out / f"{name}.overlay.mp4", out / f"{name}.tracks.json", FrameTimes()
    found = segmenter.track(times.noted(frames.timed()), frames.num_frames, min_score)
    with VideoWriter(overlay, frames.fps) as writer:
        for place, (frame, tracked) in enumerate(found):
            tracks.add(tracked)
            drawn = draw_instances(frame, tracked.instances, labels, tracked.track_ids)
            writer.write(drawn, times.starts_s[place], times.last_duration_s)
            log.still(f"{path}: {place + 1} of {frames.num_frames} frames")
    result = TracksFile(
        file_name=text_name(path),
        height=frames.size[0],
        width=frames.size[1],
        num_frames=len(times.starts_s),
        fps=round(len(times.starts_s) / times.end_s, _DIGITS),
        duration_s=round(times.end_s, _DIGITS),
        times_s=tuple(round(start_s, _DIGITS) for start_s in times.starts_s),
        tracks=tracks.records(),
    )
    write_json(record, result)
    return [overlay, record]
