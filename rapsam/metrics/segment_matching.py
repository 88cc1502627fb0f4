"""Which predicted segments or tubes are right: the matching of panoptic quality.

Kirillov et al., "Panoptic Segmentation", CVPR 2019, sections 4.1 "Segment Matching" and 4.2 "PQ
Computation", paragraphs on void labels and on group labels, which are the crowd regions here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from rapsam.metrics.overlaps import Overlaps, SegmentIds, class_of
from rapsam.tasks.arrays import Indices


class SegmentMatches(NamedTuple):
    """Judgement over the segments of one image, or the tubes of some frames.

    Attributes:
        classes: (n,) class of every matched pair.
        ious: (n,) IoU of every matched pair, above 0.5.
        false_positives: (p,) classes of the predicted segments without a partner.
        false_negatives: (q,) classes of the reference segments without a partner.
    """

    classes: Indices
    ious: npt.NDArray[np.float64]
    false_positives: Indices
    false_negatives: Indices


def match_segments(overlaps: Overlaps, crowd: SegmentIds, void: int) -> SegmentMatches:
    """Matches segments of the same class with an IoU above 0.5, which can have one partner only.

    Void pixels of the reference do not count into a union. A predicted segment without a partner is
    forgiven if more than half of it lies on void and on the crowd region of its class. Crowd regions are
    neither found nor missed. Where a class has several of them, only the last one forgives: the published
    program (panopticapi) keeps one per class, while the paper speaks of all.

    Args:
        overlaps: Shared pixels.
        crowd: Reference ids of crowd regions; of one class, the last has the highest id.
        void: Class of the pixels that belong to no segment.
    """
    our_ids, ours = np.unique(overlaps.predicted, return_inverse=True)
    their_ids, theirs = np.unique(overlaps.reference, return_inverse=True)
    shared = np.zeros((len(our_ids), len(their_ids)), np.int64)
    shared[ours, theirs] = overlaps.pixels
    our_classes, their_classes = class_of(our_ids), class_of(their_ids)
    our_areas, their_areas = shared.sum(axis=1), shared.sum(axis=0)
    is_crowd = np.isin(their_ids, crowd)
    alike = (our_classes[:, None] == their_classes[None]) & (our_classes < void)[:, None]

    on_void = shared[:, their_classes == void].sum(axis=1)
    union = our_areas[:, None] + their_areas[None] - shared - on_void[:, None]
    iou = np.where(alike & ~is_crowd, shared / np.maximum(union, 1), 0.0)
    rows, columns = np.nonzero(iou > 0.5)

    forgives = is_crowd & ~_followed(their_classes, is_crowd)
    on_crowd = np.where(alike & forgives, shared, 0).sum(axis=1)
    extra = (our_classes < void) & (2 * (on_void + on_crowd) <= our_areas)
    extra[rows] = False
    missed = (their_classes < void) & ~is_crowd
    missed[columns] = False
    return SegmentMatches(our_classes[rows], iou[rows, columns], our_classes[extra], their_classes[missed])


def _followed(classes: Indices, is_crowd: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Tells of each reference segment whether a crowd region of its class comes after it."""
    last = {class_index: place for place, class_index in enumerate(classes.tolist()) if is_crowd[place]}
    return np.array([place < last.get(class_index, -1) for place, class_index in enumerate(classes.tolist())])
