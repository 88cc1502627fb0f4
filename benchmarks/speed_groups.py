"""Who is timed together with whom."""

from __future__ import annotations

from rapsam.benchmarks.speed_records import Subject

PUBLISHED, REWRITTEN, COMPILED = "published", "rewritten", "compiled"
# Contenders that run a lowered graph; they are called like the target.
LOWERED = ("onnx", "executorch", "tflite")
NETWORKS = (PUBLISHED, REWRITTEN, COMPILED, *LOWERED)
SGEMM, LETTERBOX, FUSE_SCENE, FUSE_CROWD, PROMPT_MASKS = (
    "sgemm",
    "letterbox",
    "fuse_scene",
    "fuse_crowd",
    "prompt_masks",
)
TITLES = {
    PUBLISHED: "eager, un-rewritten",
    REWRITTEN: "eager, rewritten",
    COMPILED: "torch.compile",
    "onnx": "ONNX Runtime",
    "executorch": "ExecuTorch",
    "tflite": "LiteRT",
    SGEMM: "matrix product of PyTorch",
    LETTERBOX: "pre-processing, 1280x960 photo",
    FUSE_SCENE: "panoptic post-processing, own outputs",
    FUSE_CROWD: "panoptic post-processing, 20 objects",
    PROMPT_MASKS: "prompt post-processing",
}
PROMPT_COUNTS = (1, 4, 16, 64)
GROWING = (PUBLISHED, REWRITTEN, "onnx")


def _all_networks(graph: str) -> tuple[Subject, ...]:
    # The matrix product is in every group: it is the yardstick of the roofline.
    return (
        *(Subject(contender=name, graph=graph) for name in NETWORKS),
        Subject(contender=SGEMM),
    )


GROUPS: dict[str, tuple[Subject, ...]] = {
    "panoptic_image": (
        *_all_networks("panoptic_image"),
        *(Subject(contender=name) for name in (LETTERBOX, FUSE_SCENE, FUSE_CROWD)),
    ),
    "encoder": _all_networks("encoder"),
    "panoptic": _all_networks("panoptic"),
    "prompt": (
        *_all_networks("prompt"),
        Subject(contender="onnx", graph="encoder"),
        Subject(contender=PROMPT_MASKS),
    ),
    "prompt_growth": tuple(
        Subject(contender=name, graph="prompt", num_prompts=count)
        for count in PROMPT_COUNTS
        for name in GROWING
    ),
}
