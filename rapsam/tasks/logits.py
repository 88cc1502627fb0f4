"""What the panoptic, instance and video tasks share: checked logits, softmax, sigmoid."""

from __future__ import annotations

import numpy as np

from rapsam.errors import InputError
from rapsam.tasks.arrays import Floats

MAX_CLASSES = 999
"""The panoptic map holds class + 1000 * instance, so a class index has three digits at most."""


def check_logits(class_logits: Floats, mask_logits: Floats, num_things: int, mask_axes: int = 3) -> None:
    """Raises `InputError` unless the two outputs of a graph fit each other and are finite.

    Args:
        class_logits: (N, K+1).
        mask_logits: (N, h, w), or (N, T, h, w) for a clip.
        num_things: How many of the K classes are things; they come first.
        mask_axes: Number of axes that the mask logits must have.
    """
    if class_logits.ndim != 2 or not 2 <= class_logits.shape[1] <= MAX_CLASSES + 1:
        raise InputError(
            f"class logits have the shape {list(class_logits.shape)}; expected (queries, classes + 1) "
            f"with 1 to {MAX_CLASSES} classes"
        )
    if mask_logits.ndim != mask_axes or len(mask_logits) != len(class_logits) or 0 in mask_logits.shape[1:]:
        raise InputError(
            f"mask logits have the shape {list(mask_logits.shape)}; expected {mask_axes} axes, "
            f"the first of {len(class_logits)} queries as in the class logits"
        )
    if not 0 <= num_things < class_logits.shape[1]:
        raise InputError(
            f"{num_things} thing classes asked of logits for {class_logits.shape[1] - 1} classes; "
            "take the label set that belongs to the model"
        )
    check_finite("class logits", class_logits)
    check_finite("mask logits", mask_logits)


def check_finite(name: str, values: Floats) -> None:
    """Raises `InputError` if an output of a graph holds NaN or infinity, as after an fp16 overflow."""
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise InputError(f"{name} hold {count} NaN or infinite values; export the graph at fp32 instead")


def softmax(logits: Floats) -> Floats:
    """Turns logits into probabilities over the last axis."""
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)


def sigmoid(logits: Floats) -> Floats:
    """Turns mask logits into probabilities, in float32 and without overflow."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -80, 80))), np.float32)
