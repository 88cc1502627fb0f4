"""Segment Anything and its smaller relatives as a family of the toolkit."""

from __future__ import annotations

from rapsam.models.deployment import Deployment
from rapsam.models.family import Family
from rapsam.models.network import SegmentationNetwork
from rapsam.models.sam.checkpoint_map import to_published
from rapsam.models.sam.config import VARIANTS
from rapsam.models.sam.deployment import SamDeployment
from rapsam.models.sam.formula import formula_state_dict
from rapsam.models.sam.mask_decoder import NUM_MASKS
from rapsam.models.sam.model import Sam
from rapsam.models.text_classifier import TextClassifier


def _build(variant: str, classifier: TextClassifier | None) -> Sam:
    assert classifier is None, "the family has no text width"
    return Sam(variant, VARIANTS[variant])


def _deployment(network: SegmentationNetwork) -> Deployment:
    assert isinstance(network, Sam), "made by this family"
    return SamDeployment(network)


def _facts(variant: str) -> dict[str, int]:
    return {"masks_per_prompt": NUM_MASKS, "image_side": VARIANTS[variant].side}


SAM = Family(
    variants=tuple(VARIANTS),
    text_width=None,
    build=_build,
    to_published=to_published,
    formula_weights=formula_state_dict,
    deployment=_deployment,
    facts=_facts,
    whole_state=True,
    bare_checkpoints=True,
    terms=lambda variant: VARIANTS[variant].terms,
    default_tasks=("prompt",),
    default_size=lambda variant: (VARIANTS[variant].side, VARIANTS[variant].side),
)
