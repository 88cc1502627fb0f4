"""RAP-SAM as a family of the toolkit."""

from __future__ import annotations

from rapsam.models.deployment import Deployment
from rapsam.models.family import Family
from rapsam.models.network import SegmentationNetwork
from rapsam.models.rapsam.build import build_rapsam
from rapsam.models.rapsam.checkpoint_map import to_published
from rapsam.models.rapsam.config import VARIANTS
from rapsam.models.rapsam.deployment import RapSamDeployment
from rapsam.models.rapsam.formula import formula_state_dict
from rapsam.models.rapsam.model import RapSam
from rapsam.models.text_classifier import TextClassifier


def _build(variant: str, classifier: TextClassifier | None) -> RapSam:
    assert classifier is not None, "the family has a text width"
    return build_rapsam(variant, VARIANTS[variant], classifier)


def _deployment(network: SegmentationNetwork) -> Deployment:
    assert isinstance(network, RapSam), "made by this family"
    return RapSamDeployment(network)


def _facts(variant: str) -> dict[str, int]:
    config = VARIANTS[variant]
    return {"num_queries": config.num_queries, "hidden_width": config.hidden_width}


RAPSAM = Family(
    variants=tuple(VARIANTS),
    text_width={variant: config.embedding_width for variant, config in VARIANTS.items()},
    build=_build,
    to_published=to_published,
    formula_weights=formula_state_dict,
    deployment=_deployment,
    facts=_facts,
)
