"""Predicting one image or one video and writing what was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rapsam.cli.console import StepLog
from rapsam.data.coco import text_name, write_panoptic
from rapsam.data.images import read_image, write_image
from rapsam.data.results import PromptsFile, TrackCollector, TracksFile, prompt_records
from rapsam.data.videos import FrameTimes, VideoFrames, VideoWriter
from rapsam.files import write_json
from rapsam.inference.segmenter import Segmenter
from rapsam.tasks.draw import draw_instances, draw_interactive, draw_panoptic
from rapsam.tasks.prompt_set import Prompt, PromptSet

_DIGITS = 6
"""Of times in records: to the microsecond, which is finer than any video's clock."""


class GivenPrompts(NamedTuple):
    """Prompts as typed.

    Attributes:
        points: x, y of every point, each a prompt of its own.
        positive: Whether each point lies in the region that is meant.
        boxes: x1, y1, x2, y2 of every box, each a prompt of its own.
    """

    points: Sequence[tuple[float, float]] = ()
    positive: Sequence[bool] = ()
    boxes: Sequence[tuple[float, ...]] = ()

    def as_set(self) -> PromptSet:
        """Returns the prompts, points first."""
        pairs = zip(self.points, self.positive, strict=True)
        points = tuple(Prompt(points=(point,), positive=(positive,)) for point, positive in pairs)
        return PromptSet((*points, *PromptSet.of(boxes=self.boxes).prompts))


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
    segmenter: Segmenter, path: Path, out: Path, name: str, given: GivenPrompts, log: StepLog
) -> list[Path]:
    """Segments the prompted regions of an image; returns the files written."""
    image = read_image(path)
    masks = segmenter.segment(image, given.as_set()).masks
    log.still(f"{path}: drawing")
    records = PromptsFile(
        file_name=text_name(path),
        height=image.shape[0],
        width=image.shape[1],
        prompts=prompt_records(masks, given.points, given.boxes),
    )
    overlay, record = out / f"{name}.overlay.png", out / f"{name}.prompts.json"
    write_json(record, records)
    write_image(overlay, draw_interactive(image, masks, given.points, given.boxes))
    return [overlay, record]


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
