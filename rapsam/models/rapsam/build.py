"""Puts the parts of a RAP-SAM together."""

from __future__ import annotations

from rapsam.models.rapsam.config import RapSamConfig
from rapsam.models.rapsam.decoder import Decoder
from rapsam.models.rapsam.model import RapSam
from rapsam.models.rapsam.neck import PyramidNeck
from rapsam.models.rapsam.prompt_encoder import PromptEncoder
from rapsam.models.text_classifier import TextClassifier


def build_rapsam(name: str, config: RapSamConfig, classifier: TextClassifier) -> RapSam:
    """Builds a randomly initialised network of this shape around a text classifier."""
    backbone = config.backbone
    return RapSam(
        name=name,
        backbone=backbone.build(),
        backbone_config=backbone,
        neck=PyramidNeck(backbone.channels, backbone.strides, config.aggregation_width, config.hidden_width),
        decoder=Decoder(config),
        prompt_encoder=PromptEncoder(config.hidden_width),
        text_classifier=classifier,
    )
