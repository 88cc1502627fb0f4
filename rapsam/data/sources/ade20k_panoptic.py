"""ADE20K panoptic (150 classes), as Mask2Former's preparation makes it of ADEChallengeData2016.

See datasets/prepare_ade20k_pan_seg.py of https://github.com/facebookresearch/Mask2Former.
"""

from __future__ import annotations

from pathlib import Path

from rapsam.data.sources.orientation import Described
from rapsam.data.sources.panoptic_images import PanopticImages, PanopticLayout

_IMAGE_FOLDERS = {"train": "training", "val": "validation"}


class Ade20kPanoptic(PanopticImages):
    """ade20k_panoptic_{split}.json, a folder of PNGs of the same name, images/training/*.jpg.

    The preparation lists stuff first and then paints things over it, so that a listed stuff region may
    have no pixel left; such are dropped. Its masks were made with the sizes of the stored pixels: EXIF
    orientations do not count here. (OpenCV, with which the original reads the images, turns some of them
    away from their masks.)
    """

    def __init__(self, root: Path, split: str) -> None:
        """Opens a split, "train" or "val"; see `PanopticImages`."""
        layout = PanopticLayout(
            kind="ade20k_panoptic",
            json=f"ade20k_panoptic_{split}.json",
            images=f"images/{_IMAGE_FOLDERS.get(split, split)}",
            masks=f"ade20k_panoptic_{split}",
            covered="dropped",
            described=Described.STORED,
        )
        super().__init__(root, split, layout)
