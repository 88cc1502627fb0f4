"""Average precision of single classes."""

from __future__ import annotations

import msgspec
import numpy as np

from rapsam.metrics.average_precision import JudgedStore, Scores


class ClassPrecision(msgspec.Struct, frozen=True, kw_only=True):
    """Precision of one class that has objects.

    Attributes:
        class_index: 0..K-1.
        references: Number of its objects, without crowd regions.
        ap: Mean over the IoUs 0.50, 0.55, .., 0.95, 0..1.
        ap_50: At IoU 0.50.
    """

    class_index: int
    references: int
    ap: float
    ap_50: float


def class_precisions(store: JudgedStore, precision: Scores) -> tuple[ClassPrecision, ...]:
    """Lists the classes that have objects, from (K, T) average precisions over objects of any area."""
    return tuple(
        ClassPrecision(
            class_index=index,
            references=store.references(index),
            ap=float(precision[index].mean()),
            ap_50=float(precision[index, 0]),
        )
        for index in np.flatnonzero(~np.isnan(precision[:, 0])).tolist()
    )
