"""From images and videos to results, with a checkpoint or a bundle."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, pairwise, repeat
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from rapsam.data.images import read_image, rgb_pixels
from rapsam.errors import InputError, RapSamError
from rapsam.inference.embedded import EmbeddedImage
from rapsam.inference.everything import Progress, find_everything
from rapsam.inference.network import EagerNetwork, Network, PromptLogits
from rapsam.inference.prompt_result import PromptResult
from rapsam.inference.reference import reference_device, reference_name
from rapsam.models.build import deployment_of
from rapsam.models.deployment import finds_objects, takes_prompts
from rapsam.models.network import SegmentationNetwork
from rapsam.models.origins import weights_sha256
from rapsam.tasks.arrays import Masks, Pixels
from rapsam.tasks.candidates import chosen_candidates, stability_to_choose
from rapsam.tasks.clips import clip_ends, clip_length
from rapsam.tasks.duplicates import DistinctTracks
from rapsam.tasks.everything import EverythingSpec, Region
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.labels import LabelSet
from rapsam.tasks.logits import check_finite
from rapsam.tasks.panoptic import PanopticResult, panoptic_segmentation
from rapsam.tasks.postprocess import PostprocessSpec
from rapsam.tasks.prompt import interactive_masks
from rapsam.tasks.prompt_set import Choice, PromptSet, PromptSpec, check_prompts
from rapsam.tasks.tracker import Clip, NearOnlineTracker
from rapsam.tasks.video import TrackedFrame, TrackNumbers, video_instances

Picture = Pixels | Image.Image | str | Path
DEFAULT_MIN_SCORE = 0.5


class Finder(NamedTuple):
    """What names and selects the objects that a network finds.

    Attributes:
        labels: Its classes.
        postprocess: Its thresholds.
    """

    labels: LabelSet
    postprocess: PostprocessSpec


@dataclass(frozen=True, kw_only=True)
class Segmenter:
    """A network, however it runs, with all that leads from images to results.

    Attributes:
        name: Of the model and its weights, or of the bundle's folder.
        runtime: What computes, as in "ONNX Runtime", or PyTorch with its version.
        input_size: What images are resized to, in words.
        key: Returns what changes with everything that results may depend on.
        network: For single images.
        video_network: For videos.
        max_clip: Frames of a video that it sees at a time, at most.
        tasks: Keys of `rapsam.contract.TASKS`.
        finder: Classes and thresholds; None if it finds no objects.
        prompts: What it takes as a prompt; None if it takes none.
        trained: Whether the weights have learnt anything.
    """

    name: str
    runtime: str
    input_size: str
    key: Callable[[], str]
    network: Network
    video_network: Network
    max_clip: int
    tasks: tuple[str, ...]
    finder: Finder | None
    prompts: PromptSpec | None
    trained: bool

    def predict(
        self,
        image: Picture,
        *,
        points: Sequence[tuple[float, float]] = (),
        boxes: Sequence[tuple[float, float, float, float]] = (),
    ) -> PanopticResult | PromptResult:
        """Segments an image, or the prompted regions of it.

        Args:
            image: (h, w, 3) uint8 RGB, any size, a Pillow image of any mode (turned upright, put on white),
                or the path of an image file.
            points: Pairs x, y in pixels of the image.
            boxes: x1, y1, x2, y2 in pixels of the image.

        Returns:
            A panoptic result without prompts; with prompts those of the points, then of the boxes.

        Raises:
            InputError: If the image or a prompt cannot be used, or the network cannot do the task; a bundle
                raises `BundleError` for the latter.
        """
        if len(points) or len(boxes):
            return self.segment(image, PromptSet.of(points, boxes))
        return self.panoptic(image)

    def panoptic(self, image: Picture) -> PanopticResult:
        """Segments an image; see `predict`."""
        self.object_finder()
        pixels, geometry = self.network.fit(_pixels(image))
        return self.panoptic_of(self.network.detect(pixels), geometry)

    def panoptic_of(self, found: Clip, geometry: ImageGeometry) -> PanopticResult:
        """Makes the result of what the network found in one image; see `panoptic`.

        Args:
            found: Of one frame.
            geometry: Sizes of the image.

        Raises:
            InputError: If the network finds no objects.
        """
        finder = self.object_finder()
        return panoptic_segmentation(
            found.class_logits,
            found.mask_logits[:, 0],
            geometry,
            finder.labels.num_things,
            score_threshold=finder.postprocess.score_threshold,
            overlap_threshold=finder.postprocess.overlap_threshold,
        )

    def segment(
        self,
        image: Picture,
        prompts: PromptSet,
        *,
        multimask: bool | None = None,
        choose: Choice | None = None,
    ) -> PromptResult:
        """Segments prompted regions of an image; see `EmbeddedImage.segment`. `embed` is for several calls.

        Raises:
            InputError: If the network takes no prompts, or not these.
        """
        check_prompts(prompts, self.prompt_spec())
        return self.embed(image).segment(prompts, multimask=multimask, choose=choose)

    def embed(self, image: Picture) -> EmbeddedImage:
        """Computes what prompts in an image have in common: each of them then costs only the rest.

        Raises:
            InputError: If the network takes no prompts, or the image cannot be used.
        """
        self.prompt_spec()
        pixels, geometry = self.network.fit(_pixels(image))
        return EmbeddedImage(segmenter=self, embedded=self.network.embed(pixels), geometry=geometry)

    def everything(
        self, image: Picture, spec: EverythingSpec | None = None, progress: Progress | None = None
    ) -> list[Region]:
        """Finds all regions of an image without a prompt; see `find_everything`."""
        return find_everything(self, _pixels(image), spec or EverythingSpec(), progress)

    def masks_of(
        self,
        logits: PromptLogits,
        geometry: ImageGeometry,
        ambiguous: Masks | None = None,
        choose: Choice | None = None,
    ) -> PromptResult:
        """Makes the result of what the network answered to prompts; see `segment`.

        Args:
            logits: Of K prompts.
            geometry: Sizes of the image.
            ambiguous: (K,) bool, which prompts mean the best of several candidates; None for all.
            choose: By what that is chosen; None for what the model does best.

        Raises:
            InputError: If mask logits or predicted IoUs are not finite.
        """
        check_finite("predicted IoUs", logits.iou)
        spec = self.prompt_spec()
        count = len(logits.iou)
        scores = logits.iou
        if ambiguous is None:
            ambiguous = np.ones(count, np.bool_)
        if (choose or spec.choice) == "stability":
            check_finite("mask logits", logits.mask_logits)
            scores = stability_to_choose(spec, logits.mask_logits, geometry, ambiguous)
        chosen = chosen_candidates(spec, scores, ambiguous)
        return PromptResult(
            masks=interactive_masks(logits.mask_logits[np.arange(count), chosen], geometry),
            mask_logits=logits.mask_logits,
            candidate_iou=logits.iou,
            chosen=chosen,
            offered=spec.offered,
            geometry=geometry,
        )

    def video(self, path: str | Path, min_score: float = DEFAULT_MIN_SCORE) -> Iterator[TrackedFrame]:
        """Follows the objects of a video file; see `track`."""
        from rapsam.data.videos import VideoFrames  # its decoder takes a while to load

        frames = VideoFrames(Path(path))
        return (found for _, found in self.track(iter(frames), frames.num_frames, min_score))

    def track(
        self, frames: Iterable[Pixels], expected: int, min_score: float = DEFAULT_MIN_SCORE
    ) -> Iterator[tuple[Pixels, TrackedFrame]]:
        """Follows objects through a video, clip by clip, near-online; holds one clip in memory.

        The class of a track is judged by the mean over the clips so far. Of several tracks on one object one
        is reported; see `DistinctTracks`.

        Args:
            frames: RGB frames (h, w, 3), uint8, all of one size.
            expected: Number of frames, as far as it is known: decides the length of clips.
            min_score: Instances below are left out.

        Yields:
            Every frame with its tracked instances.

        Raises:
            RapSamError: If the network finds no objects or cannot follow them, or frames cannot be used.
        """
        finder = self.object_finder()
        tracker, numbers, distinct = NearOnlineTracker(), TrackNumbers(), DistinctTracks()
        for clip in _clips(frames, expected, self.max_clip):
            fitted = [self.video_network.fit(frame) for frame in clip]
            found = self.video_network.detect(np.concatenate([each.pixels for each in fitted]))
            if not found.queries.shape[1]:
                raise self._lacks("video")  # nothing tells which object goes on as which
            seen = tracker.update(*found)
            tracked = video_instances(
                seen.class_logits,
                seen.mask_logits,
                fitted[0].geometry,
                finder.labels.num_things,
                top_k=finder.postprocess.top_k,
                min_score=min_score,
                numbers=numbers,
            )
            yield from zip(clip, distinct.of(tracked), strict=True)

    def object_finder(self) -> Finder:
        """Returns classes and thresholds.

        Raises:
            InputError: If the network finds no objects.
        """
        if self.finder is None:
            raise self._lacks("panoptic")
        return self.finder

    def prompt_spec(self) -> PromptSpec:
        """Returns what the network takes as a prompt.

        Raises:
            InputError: If it takes none.
        """
        if self.prompts is None:
            raise self._lacks("prompt")
        return self.prompts

    def _lacks(self, task: str) -> RapSamError:
        return InputError(
            f"{self.name} does not do the task {task!r}, only {', '.join(self.tasks)}; take a model that can"
        )


def model_segmenter(
    model: SegmentationNetwork, sides: tuple[int, int] | None = None, max_clip: int | None = None
) -> Segmenter:
    """Makes a segmenter of a network in PyTorch.

    Args:
        model: The network.
        sides: Long side and short side that images are resized to fit; None for those of its training, or of
            the published tests of images and of videos.
        max_clip: Frames of a video at a time, at most; None for those of the published evaluation.
    """
    device, deployment = reference_device(), deployment_of(model)
    moved = deployment.to(device)
    images = EagerNetwork(moved, device, *(sides or model.test_sides(video=False)))
    videos = EagerNetwork(moved, device, *(sides or model.test_sides(video=True)))
    runtime, clip = reference_name(device), max_clip or videos.max_clip
    finder = None
    if finds_objects(deployment):
        finder = Finder(deployment.labels, deployment.postprocess)
    return Segmenter(
        name=f"{model.name}, {model.weights}",
        runtime=runtime,
        input_size=f"at most {images.limits[0]}x{images.limits[1]}",
        key=lambda: f"{weights_sha256(deployment.state())} {images.limits} {runtime} {clip}",
        network=images,
        video_network=videos,
        max_clip=clip,
        tasks=deployment.tasks,
        finder=finder,
        prompts=deployment.prompts if takes_prompts(deployment) else None,
        trained=model.weights.trained,
    )


def _pixels(image: Picture) -> Pixels:
    if isinstance(image, str | Path):
        return read_image(image)
    return rgb_pixels(image) if isinstance(image, Image.Image) else image


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
