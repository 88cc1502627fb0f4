"""COCO panoptic, as COCO publishes it: https://cocodataset.org/#format-data, part 4."""

from __future__ import annotations

from pathlib import Path

from rapsam.data.sources.panoptic_images import PanopticImages, PanopticLayout


class CocoPanoptic(PanopticImages):
    """annotations/panoptic_{split}2017.json, a folder of PNGs of the same name, {split}2017/*.jpg."""

    def __init__(self, root: Path, split: str) -> None:
        """Opens a split, as in "train" or "val"; see `PanopticImages`."""
        layout = PanopticLayout(
            kind="coco_panoptic",
            json=f"annotations/panoptic_{split}2017.json",
            images=f"{split}2017",
            masks=f"annotations/panoptic_{split}2017",
            covered="refused",
        )
        super().__init__(root, split, layout)
