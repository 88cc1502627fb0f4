"""Named, frozen recipes: how a graph is lowered for one format, and what it must then fulfil."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapsam.contract import Sampling


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


_IOS = "iOS"


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How to lower a graph for one format.

    Attributes:
        name: Such as "coreml-fp16-ios17".
        backend: Key of `rapsam.export.backends.BACKENDS`.
        precision: Of the weights, as in "fp16".
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

    @property
    def ios(self) -> int | None:
        """Version of iOS that is the deployment target; None for any other, or none."""
        target = self.deployment_target or ""
        return int(target.removeprefix(_IOS)) if target.startswith(_IOS) else None


def float_recipes(
    backend: str,
    *,
    arithmetic: str | None = None,
    deployment_target: str | None = None,
    sampling: Sampling = "rows",
    ending: str = "",
) -> tuple[Recipe, ...]:
    """Makes a target's recipes "fp32" and "fp16".

    Args:
        backend: Name of the target.
        arithmetic: What operators compute in; that of the precision unless told.
        deployment_target: See `Recipe`.
        sampling: See `Recipe`.
        ending: What their names have behind the precision.
    """
    return tuple(
        Recipe(
            name=f"{backend}-{precision}{ending}",
            backend=backend,
            precision=precision,
            arithmetic=arithmetic or precision,
            deployment_target=deployment_target,
            sampling=sampling,
            gates=gates,
        )
        for precision, gates in (("fp32", FP32_GATES), ("fp16", FP16_GATES))
    )


def float_recipes_by_ios(backend: str, versions: Sequence[int]) -> tuple[Recipe, ...]:
    """Makes the recipes of `float_recipes` for each version of iOS, as in "coreml-fp16-ios17"."""
    return tuple(
        recipe
        for version in versions
        for recipe in float_recipes(backend, deployment_target=f"{_IOS}{version}", ending=f"-ios{version}")
    )
