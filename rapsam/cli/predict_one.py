"""Predicting one image or one video and writing what was found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise, repeat
from pathlib import Path

from rapsam.cli.console import StepLog
from rapsam.data.coco import text_name, write_panoptic
from rapsam.data.images import read_image, write_image
from rapsam.data.results import PromptsFile, TrackCollector, TracksFile, prompt_records
from rapsam.data.videos import FrameTimes, VideoFrames, VideoWriter
from rapsam.errors import BundleError, InputError
from rapsam.export.build.bundle import thresholds
from rapsam.export.bundle.load import load_bundle
from rapsam.files import write_json
from rapsam.inference.network import EagerNetwork, Network, reference_device
from rapsam.inference.predict import predict_clips, predict_panoptic, predict_prompts
from rapsam.models.build import deployment_of
from rapsam.models.rapsam.model import RapSam
from rapsam.tasks.arrays import Pixels
from rapsam.tasks.clips import clip_ends, clip_length
from rapsam.tasks.draw import draw_instances, draw_interactive, draw_panoptic
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.postprocess import PostprocessSpec

Prompts = Sequence[tuple[float, ...]]
_DIGITS = 6
"""Of times in records: to the microsecond, which is finer than any video's clock."""


class Predictor:
    """A network with its labels and thresholds.

    Args:
        images: The network for single images.
        frames: The network for videos.
        labels: Names of the classes.
        postprocess: Thresholds.
        tasks: What the network can do: "panoptic" (images and videos), "prompt", or both.
        trained: Whether the weights have learnt anything.
    """

    def __init__(
        self,
        images: Network,
        frames: Network,
        labels: LabelSet,
        postprocess: PostprocessSpec,
        *,
        tasks: Collection[str],
        trained: bool,
    ) -> None:
        self.images = images
        self.frames = frames
        self.labels = labels
        self.postprocess = postprocess
        self.tasks = tasks
        self.trained = trained

    def check_task(self, task: str) -> None:
        """Raises `BundleError` unless the network can do a task, "panoptic" or "prompt"."""
        if task not in self.tasks:
            wanted = {"prompt": "--point and --box", "panoptic": "predicting without --point and --box"}[task]
            raise BundleError(
                f"the bundle was exported with the tasks {', '.join(self.tasks)}; {wanted} needs {task!r}: "
                f"export it again with --tasks {' '.join(sorted({*self.tasks, task}))}"
            )

    def image(
        self, path: Path, out: Path, name: str, points: Prompts, boxes: Prompts, log: StepLog
    ) -> list[Path]:
        """Segments an image, or the prompted regions of it; gives the files written."""
        image = read_image(path)
        overlay = out / f"{name}.overlay.png"
        if points or boxes:
            found = predict_prompts(self.images, image, points, boxes)
            log.still(f"{path}: drawing")
            records = PromptsFile(
                file_name=text_name(path),
                height=image.shape[0],
                width=image.shape[1],
                prompts=prompt_records(found.masks, points, boxes),
            )
            write_json(out / f"{name}.prompts.json", records)
            write_image(overlay, draw_interactive(image, found.masks, points, boxes))
            return [overlay, out / f"{name}.prompts.json"]
        result = predict_panoptic(self.images, image, self.labels.num_things, self.postprocess)
        log.still(f"{path}: drawing")
        png = out / f"{name}.panoptic.png"
        written = write_panoptic(png, result, self.labels, text_name(path))
        write_image(overlay, draw_panoptic(image, result, self.labels))
        return [overlay, png, written]

    def video(
        self,
        path: Path,
        out: Path,
        name: str,
        prompts: tuple[Prompts, Prompts],
        min_score: float,
        log: StepLog,
    ) -> list[Path]:
        """Follows the objects of a video, clip by clip; gives the files written."""
        if any(prompts):
            raise InputError(f"{path} is a video; prompts work on images only: leave --point and --box out")
        frames, tracks = VideoFrames(path), TrackCollector(self.labels)
        if frames.choice:
            log(f"{path}: taking {frames.choice}")
        overlay, record, times = out / f"{name}.overlay.mp4", out / f"{name}.tracks.json", FrameTimes()
        clips = _clips(times.noted(frames.timed()), frames.num_frames, self.frames.max_clip)
        with VideoWriter(overlay, frames.fps) as writer:
            found = predict_clips(self.frames, clips, self.labels.num_things, self.postprocess, min_score)
            for place, (frame, tracked) in enumerate(found):
                tracks.add(tracked)
                drawn = draw_instances(frame, tracked.instances, self.labels, tracked.track_ids)
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


def bundle_predictor(folder: Path) -> Predictor:
    """Makes a predictor of an exported bundle."""
    bundle = load_bundle(folder)
    manifest = bundle.manifest
    tasks = {
        "panoptic": manifest.finds_objects,
        "prompt": manifest.has_graph("prompt"),
    }
    return Predictor(
        bundle.network,
        bundle.network,
        manifest.labels,
        manifest.postprocess,
        tasks=[task for task, possible in tasks.items() if possible],
        trained=manifest.model.trained,
    )


def model_predictor(model: RapSam) -> Predictor:
    """Makes a predictor of a network in PyTorch, with the image sizes of its training or its own tests."""
    deployment, device = deployment_of(model), reference_device()
    return Predictor(
        EagerNetwork(deployment, device, *model.test_sides(video=False)),
        EagerNetwork(deployment, device, *model.test_sides(video=True)),
        deployment.label_set,
        thresholds(deployment),
        tasks=("panoptic", "prompt"),
        trained=deployment.trained,
    )


def _clips(frames: Iterable[Pixels], expected: int, longest: int) -> Iterator[list[Pixels]]:
    """Cuts frames into clips for the expected number of them; should there be more, they follow as well."""
    length = min(clip_length(expected), longest)
    lengths = (end - start for start, end in pairwise((0, *clip_ends(expected, length))))
    remaining = iter(frames)
    for count in chain(lengths, repeat(length)):
        clip = list(islice(remaining, count))
        if not clip:
            return
        yield clip
