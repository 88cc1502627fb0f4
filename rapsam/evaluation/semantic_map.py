"""The class of every pixel, from all queries together."""

from __future__ import annotations

import numpy as np

from rapsam.tasks.arrays import Floats, Ids
from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.logits import sigmoid, softmax
from rapsam.tasks.resize import original_tiles


def semantic_map(class_logits: Floats, mask_logits: Floats, geometry: ImageGeometry) -> Ids:
    """Assigns to each pixel the class with the largest sum of class times mask probability over the queries.

    Cheng et al., "Per-Pixel Classification is Not All You Need for Semantic Segmentation", 2021, section
    3.4, semantic inference: no threshold, and no pixel is void.

    Args:
        class_logits: (N, K+1) float32, void last, finite.
        mask_logits: (N, h, w) float32 at any stride of the padded input, finite.
        geometry: Sizes of the image.

    Returns:
        (h0, w0) int32 in 0..K-1 at the original size.
    """
    of_classes = softmax(class_logits)[:, :-1].T
    classes = np.empty(geometry.original_size, np.int32)
    for tile in original_tiles(mask_logits.shape[-2:], geometry):
        masks = sigmoid(tile.enlarged(tile.source_of(mask_logits)))
        classes[tile.place] = np.tensordot(of_classes, masks, axes=1).argmax(axis=0)
    return classes
