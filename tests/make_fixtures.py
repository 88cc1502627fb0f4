"""Makes tests/fixtures/postprocess.npz: python -m tests.make_fixtures

The file lets a clone without the golden files notice when a result changes. Make it anew only after a
change of behaviour that you meant, with the golden files at hand to prove it right.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from rapsam.tasks.geometry import ImageGeometry
from rapsam.tasks.instances import instance_segmentation
from rapsam.tasks.panoptic import panoptic_segmentation
from rapsam.tasks.preprocess import letterbox
from rapsam.tasks.prompt import interactive_masks, normalised_boxes, prompt_boxes
from rapsam.tasks.tracker import match_queries

PATH = Path(__file__).with_name("fixtures") / "postprocess.npz"
NUM_THINGS = 5
GEOMETRY = ImageGeometry(padded_size=(64, 96), content_size=(60, 82), original_size=(90, 123))
POINTS = [(40.0, 30.5), (122.0, 0.0)]
BOXES = [(10.0, 12.0, 70.5, 80.0)]


def make_inputs() -> dict[str, np.ndarray]:
    """Makes logits of 14 soft discs of 9 classes, queries of two clips, and an image."""
    rng = np.random.default_rng(20)
    rows, columns = np.mgrid[:16, :24].astype(np.float32)
    centres = rng.uniform((0, 0), (15, 21), (14, 2))[..., None, None]
    radius = rng.uniform(2, 6, (14, 1, 1))
    distance = np.hypot(rows - centres[:, 0], columns - centres[:, 1])
    class_logits = rng.normal(0, 1, (14, 10))
    class_logits[np.arange(14), rng.integers(0, 10, 14)] += 9
    queries = rng.normal(0, 1, (14, 8))
    continued = queries[rng.permutation(14)] + rng.normal(0, 0.1, (14, 8))
    return {
        "class_logits": class_logits.astype(np.float32),
        "mask_logits": (2 * (radius - distance) + rng.normal(0, 0.2, (14, 16, 24))).astype(np.float32),
        "previous_queries": queries.astype(np.float32),
        "current_queries": continued.astype(np.float32),
        "image": rng.integers(0, 256, (45, 61, 3), dtype=np.uint8),
    }


def make_outputs(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Runs the tasks on these inputs."""
    class_logits, mask_logits = inputs["class_logits"], inputs["mask_logits"]
    panoptic = panoptic_segmentation(class_logits, mask_logits, GEOMETRY, NUM_THINGS, overlap_threshold=0.5)
    found = instance_segmentation(class_logits, mask_logits, GEOMETRY, NUM_THINGS, top_k=20)
    boxes = prompt_boxes(POINTS, BOXES, GEOMETRY)
    boxed = letterbox(inputs["image"], (64, 64))
    return {
        "panoptic_map": panoptic.panoptic_map,
        "segment_ids": np.array([segment.id for segment in panoptic.segments]),
        "segment_areas": np.array([segment.area for segment in panoptic.segments]),
        "segment_queries": np.array([segment.query for segment in panoptic.segments]),
        "segment_scores": np.array([segment.score for segment in panoptic.segments]),
        "instance_scores": found.scores,
        "instance_labels": found.labels,
        "instance_boxes": found.boxes,
        "instance_queries": found.queries,
        "instance_masks_packed": np.packbits(found.masks),
        "prompt_boxes": boxes,
        "prompt_normalised": normalised_boxes(boxes, GEOMETRY),
        "prompt_masks_packed": np.packbits(interactive_masks(mask_logits[:3], GEOMETRY)),
        "query_order": match_queries(inputs["previous_queries"], inputs["current_queries"]),
        "letterbox_pixels": boxed.pixels,
        "letterbox_content": np.array(boxed.geometry.content_size),
    }


if __name__ == "__main__":
    made = make_inputs()
    PATH.parent.mkdir(exist_ok=True)
    np.savez_compressed(PATH, **made, **make_outputs(made))
    print(f"{PATH}: {PATH.stat().st_size} bytes")
