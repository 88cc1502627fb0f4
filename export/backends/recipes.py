"""Named, frozen recipes: how a graph is lowered for one format, and what it must then fulfil."""

from __future__ import annotations

import msgspec

from rapsam.contract import Sampling
from rapsam.errors import InputError, unknown_name

PRECISIONS = ("fp32", "fp16")
IOS_VERSIONS = (16, 17, 18)
# The targets that have a deployment target.
APPLE_TARGETS = ("coreml", "executorch-coreml")


class Gates(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds of parity against the fp32 reference; a result under one is a failure.

    Attributes:
        min_cosine: Smallest cosine similarity of any output tensor; None for precisions whose rounding
            flips pixels of hard masks, which moves single queries far.
        min_sqnr_db: Smallest signal-to-noise ratio of any output tensor; unlike cosine it sees a wrong
            scale.
        min_mask_iou: Smallest mean IoU of Hungarian-matched object masks.
        min_prompt_iou: Smallest mean IoU of prompt masks.
        min_pq: Smallest panoptic quality of the exported result against the reference result, 0..1.
    """

    min_cosine: float | None
    min_sqnr_db: float
    min_mask_iou: float
    min_prompt_iou: float
    min_pq: float


FP32_GATES = Gates(min_cosine=0.9999, min_sqnr_db=35, min_mask_iou=0.99, min_prompt_iou=0.99, min_pq=0.97)
FP16_GATES = Gates(min_cosine=None, min_sqnr_db=10, min_mask_iou=0.85, min_prompt_iou=0.97, min_pq=0.97)


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How to lower a graph for one format.

    Attributes:
        name: Such as "coreml-fp16-ios17".
        backend: Key of `rapsam.export.backends.BACKENDS`.
        precision: Of the weights, "fp32" or "fp16".
        arithmetic: What operators compute in, "fp32" or "fp16": TFLite knows 16-bit weights only.
        deployment_target: Oldest system that must load the artifact, as in "iOS17"; None where the
            format has no such notion.
        sampling: How deformable convolutions read their maps; docs/rewrites.md has the measurements.
        gates: What parity must reach.
        quantiser: Name of the quantiser that runs between capture and lowering; None for float precisions.
    """

    name: str
    backend: str
    precision: str
    arithmetic: str
    deployment_target: str | None
    sampling: Sampling
    gates: Gates
    quantiser: str | None = None


# ONNX Runtime's sampler is quicker than its gather. LiteRT has none, Core ML's runs on the CPU only, and
# ExecuTorch's is no quicker and outside its delegates.
_SAMPLING: dict[str, Sampling] = {"onnx": "grid"}


def _recipes() -> dict[str, Recipe]:
    gates = {"fp32": FP32_GATES, "fp16": FP16_GATES}
    recipes = [
        Recipe(
            name=f"{backend}-{precision}",
            backend=backend,
            precision=precision,
            arithmetic="fp32" if backend == "tflite" else precision,
            deployment_target=None,
            sampling=_SAMPLING.get(backend, "rows"),
            gates=gates[precision],
        )
        for backend in ("onnx", "executorch", "executorch-vulkan", "tflite")
        for precision in PRECISIONS
    ]
    recipes += [
        Recipe(
            name=f"{backend}-{precision}-ios{version}",
            backend=backend,
            precision=precision,
            arithmetic=precision,
            deployment_target=f"iOS{version}",
            sampling="rows",
            gates=gates[precision],
        )
        for backend in APPLE_TARGETS
        for precision in PRECISIONS
        for version in IOS_VERSIONS
    ]
    return {recipe.name: recipe for recipe in recipes}


RECIPES: dict[str, Recipe] = _recipes()
TARGETS = ("coreml", "executorch", "executorch-coreml", "executorch-vulkan", "onnx", "tflite")


def find_recipe(target: str, precision: str, ios: int = 17) -> Recipe:
    """Finds the recipe of a format at a precision.

    Args:
        target: One of `TARGETS`.
        precision: One of `PRECISIONS`.
        ios: Deployment target for `APPLE_TARGETS` (16, 17 or 18); other formats ignore it.

    Raises:
        InputError: If one of the three is unknown.
    """
    if target not in TARGETS:
        raise unknown_name("target", target, TARGETS)
    if precision not in PRECISIONS:
        raise unknown_name("precision", precision, PRECISIONS)
    if target not in APPLE_TARGETS:
        return RECIPES[f"{target}-{precision}"]
    if ios not in IOS_VERSIONS:
        raise InputError(f"iOS {ios} is not a deployment target; choose one of {list(IOS_VERSIONS)}")
    return RECIPES[f"{target}-{precision}-ios{ios}"]
