"""Random small references and predictions for the tests of metrics."""

from __future__ import annotations

import numpy as np

from rapsam.metrics.overlaps import count_overlaps
from rapsam.metrics.video_tubes import VideoTubes
from rapsam.tasks.instances import InstanceResult
from rapsam.tasks.video import TrackedFrame

# Classes 0, 1, 2 are things, 3 and 4 stuff, 5 is void.
THINGS, CLASSES = 3, 5


def as_array(rows):
    return np.asarray(rows, np.int32)


def random_frames(seed, frames=7, side=4):
    """Returns (frames, side, side) ids that mostly stay the same from frame to frame."""
    rng = np.random.default_rng(seed)
    values = [1000, 2000, 3001, 4001, 5002, 3, 4, CLASSES]
    ids = np.empty((frames, side, side), np.int32)
    ids[0] = rng.choice(values, (side, side))
    for frame in range(1, frames):
        changed = rng.random((side, side)) < 0.15
        ids[frame] = np.where(changed, rng.choice(values, (side, side)), ids[frame - 1])
    return ids


def spoiled(ids, seed, share=0.2):
    """Puts other ids on some of the pixels, and a copy of another instance number on all of them."""
    rng = np.random.default_rng(seed)
    others = rng.choice([1000, 3001, 6002, 3, 4, CLASSES], ids.shape)
    return np.where(rng.random(ids.shape) < share, others, ids).astype(np.int32)


def overlaps_of(predicted, reference):
    return [
        count_overlaps(as_array(one), as_array(other))
        for one, other in zip(predicted, reference, strict=True)
    ]


def instances(masks, labels, scores):
    masks = np.asarray(masks, bool)
    return InstanceResult(
        scores=np.asarray(scores, np.float32),
        labels=np.asarray(labels, np.int64),
        boxes=np.zeros((len(masks), 4), np.float32),
        masks=masks,
        queries=np.arange(len(masks)),
    )


def random_masks(rng, count, frames=1, size=(12, 14)):
    """Returns (count, frames, h, w) rectangles that drift, some of them hidden in some frames."""
    masks = np.zeros((count, frames, *size), bool)
    for mask in masks:
        y, x = rng.integers(0, size[0] - 3), rng.integers(0, size[1] - 3)
        height, width = rng.integers(1, 9, 2)
        for frame in range(frames):
            if frame == 0 or rng.random() < 0.8:
                mask[frame, y : y + height, x + frame : x + frame + width] = True
    return masks


def shifted(rng, masks):
    """Returns the masks, each moved by up to one pixel."""
    return np.stack([np.roll(mask, rng.integers(-1, 2, 2), axis=(-2, -1)) for mask in masks])


def random_detections(seed, frames=1, crowds=True):
    """Returns predicted masks, labels, scores and reference masks, classes, crowd flags of one video.

    The scores of all seeds differ, so that no result depends on the order of equal scores.
    """
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 7))
    masks = random_masks(rng, count, frames)
    classes = rng.integers(0, CLASSES, count)
    crowd = (rng.random(count) < 0.2) & crowds
    extra = random_masks(rng, 4, frames)
    found = np.concatenate([shifted(rng, masks), extra]) if count else extra
    labels = np.concatenate([classes, rng.integers(0, CLASSES, 4)]) % THINGS
    return found, labels, rng.random(len(found)), masks, classes, crowd


def video_tubes(found, labels, scores, masks, classes, crowd):
    """Returns the video frame by frame, every track in every frame."""
    video = VideoTubes(classes, crowd)
    numbers = np.arange(1, len(found) + 1)
    for frame in range(found.shape[1]):
        frame_result = TrackedFrame(instances=instances(found[:, frame], labels, scores), track_ids=numbers)
        video.add(frame_result, masks[:, frame])
    return video
