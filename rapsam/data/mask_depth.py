"""How deep inside a mask its pixels lie."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_cdt

from rapsam.tasks.arrays import Indices, Masks


def mask_depth(mask: Masks) -> Indices:
    """Returns the Manhattan distance of every pixel of a mask (h, w) to the next pixel outside, 0 outside.

    Beyond the image is outside too. The published evaluation approximates such a distance by repeated
    convolutions.
    """
    depth = distance_transform_cdt(np.pad(mask, 1), metric="taxicab")[1:-1, 1:-1]
    return np.asarray(depth, np.int64)
