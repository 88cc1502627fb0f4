"""Scores of single images: panoptic, instances."""

from __future__ import annotations

from rapsam.data.sources.annotated import AnnotatedClip
from rapsam.evaluation.scores import Part, with_known_classes
from rapsam.evaluation.semantic_map import semantic_map
from rapsam.inference.segmenter import Segmenter
from rapsam.metrics.mask_precision import MaskPrecisionAccumulator
from rapsam.metrics.panoptic_quality import PanopticAccumulator
from rapsam.metrics.reference_map import reference_ids, reference_map
from rapsam.metrics.semantic_iou import SemanticAccumulator
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.instances import instance_segmentation
from rapsam.tasks.panoptic import panoptic_segmentation
from rapsam.tasks.tracker import Clip


class PanopticScores:
    """PQ, mask AP and semantic IoU of images, all from one pass of the network; see `Scores`."""

    def __init__(self, segmenter: Segmenter) -> None:
        labels = segmenter.object_finder().labels
        self._num_classes, self._num_things = len(labels.labels), labels.num_things
        self._panoptic = PanopticAccumulator(self._num_classes, self._num_things)
        self._semantic = SemanticAccumulator(self._num_classes)
        self._masks = MaskPrecisionAccumulator(self._num_things)
        self.parts: dict[str, Part] = {
            "panoptic": self._panoptic,
            "mask_ap": self._masks,
            "semantic": self._semantic,
        }

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is an image."""
        clip = with_known_classes(clip)
        pixels, geometry = segmenter.network.fit(clip.frames[0])
        found = segmenter.network.detect(pixels)
        logits, spec = found.mask_logits[:, 0], segmenter.object_finder().postprocess
        panoptic = panoptic_segmentation(
            found.class_logits,
            logits,
            geometry,
            self._num_things,
            score_threshold=spec.score_threshold,
            overlap_threshold=spec.overlap_threshold,
        ).panoptic_map
        masks = clip.masks[:, 0]
        reference = reference_map(masks, clip.classes, self._num_classes)
        self._panoptic.add(panoptic, reference, reference_ids(clip.classes)[clip.crowd])
        self._semantic.add(semantic_map(found.class_logits, logits, geometry), reference)
        _add_instances(self._masks, found, geometry, segmenter, clip)


class InstanceScores:
    """Mask AP of images of which only things are annotated; see `Scores`."""

    def __init__(self, segmenter: Segmenter) -> None:
        labels = segmenter.object_finder().labels
        self._masks = MaskPrecisionAccumulator(labels.num_things)
        self.parts: dict[str, Part] = {"mask_ap": self._masks}

    def add(self, segmenter: Segmenter, clip: AnnotatedClip) -> None:
        """See `Scores.add`; the clip is an image."""
        clip = with_known_classes(clip)
        pixels, geometry = segmenter.network.fit(clip.frames[0])
        found = segmenter.network.detect(pixels)
        _add_instances(self._masks, found, geometry, segmenter, clip)


def _add_instances(
    masks: MaskPrecisionAccumulator,
    found: Clip,
    geometry: ImageGeometry,
    segmenter: Segmenter,
    clip: AnnotatedClip,
) -> None:
    finder = segmenter.object_finder()
    instances = instance_segmentation(
        found.class_logits,
        found.mask_logits[:, 0],
        geometry,
        finder.labels.num_things,
        top_k=finder.postprocess.top_k,
    )
    masks.add(instances, clip.masks[:, 0], clip.classes, clip.crowd)
