"""Named, frozen recipes: how a graph is lowered for one format, and what it must then fulfil."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from rapsam.contract import Sampling
from rapsam.quantize.scheme import Quantisation


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
W8_GATES = Gates(min_cosine=None, min_sqnr_db=8, min_mask_iou=0.8, min_prompt_iou=0.9, min_pq=0.8)
# On pictures unlike those of the training; what a network loses on its own kind, `rapsam eval` says.
P6_GATES = Gates(min_cosine=None, min_sqnr_db=5, min_mask_iou=0.65, min_prompt_iou=0.65, min_pq=0.55)
P4_GATES = Gates(min_cosine=None, min_sqnr_db=2, min_mask_iou=0.4, min_prompt_iou=0.5, min_pq=0.35)
W8A8_GATES = Gates(min_cosine=None, min_sqnr_db=5, min_mask_iou=0.7, min_prompt_iou=0.85, min_pq=0.7)


_IOS = "iOS"


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """How to lower a graph for one format.

    Attributes:
        name: Such as "coreml-fp16-ios17".
        backend: Key of `rapsam.export.backends.BACKENDS`.
        precision: As in "fp16", or "w8a8": 8-bit weights and activations.
        arithmetic: What operators compute in, "fp32" or "fp16": TFLite knows 16-bit weights only.
        deployment_target: Oldest system that must load the artifact, as in "iOS17"; None where the
            format has no such notion.
        sampling: How deformable convolutions read their maps; docs/rewrites.md has the measurements.
        gates: What parity must reach.
        quantisation: How numbers get few bits; None for float precisions.
        otherwise: Precision of the graphs that gain nothing from this one; None where all get this one.
    """

    name: str
    backend: str
    precision: str
    arithmetic: str
    deployment_target: str | None
    sampling: Sampling
    gates: Gates
    quantisation: Quantisation | None = None
    otherwise: str | None = None

    @property
    def calibrated(self) -> bool:
        """Whether it takes images: to find the ranges of activations on, or to choose weights by."""
        return self.narrow or self.compensated

    @property
    def compensated(self) -> bool:
        """Whether weights are chosen by what images say of their inputs."""
        return self.quantisation is not None and self.quantisation.compensated

    @property
    def narrow(self) -> bool:
        """Whether activations get few bits by ranges found beforehand, which had better be narrow."""
        scheme = self.quantisation
        return scheme is not None and scheme.activation_bits is not None and not scheme.dynamic

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


def quantised_recipe(
    backend: str,
    precision: str,
    quantisation: Quantisation,
    gates: Gates,
    *,
    arithmetic: str = "fp32",
    ios: int | None = None,
    sampling: Sampling = "rows",
    otherwise: str | None = None,
) -> Recipe:
    """Makes a recipe of few bits.

    Args:
        backend: Name of the target.
        precision: As in "w8".
        quantisation: See `Recipe`.
        gates: See `Recipe`.
        arithmetic: Of what is not quantised.
        ios: Version of iOS that is the deployment target, for formats that have one; then part of the name.
        sampling: See `Recipe`.
        otherwise: See `Recipe`.
    """
    return Recipe(
        name=f"{backend}-{precision}" if ios is None else f"{backend}-{precision}-ios{ios}",
        backend=backend,
        precision=precision,
        arithmetic=arithmetic,
        deployment_target=None if ios is None else f"{_IOS}{ios}",
        sampling=sampling,
        gates=gates,
        quantisation=quantisation,
        otherwise=otherwise,
    )
