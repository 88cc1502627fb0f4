"""What the toolkit has to know of a model family: everything that differs from family to family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from rapsam.models.deployment import Deployment
from rapsam.models.network import SegmentationNetwork
from rapsam.models.text_classifier import TextClassifier

State = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Family:
    """A model family.

    Attributes:
        variants: Names of the variants, the largest first.
        text_width: Channels of the text embeddings by which its networks name classes, by variant; None for
            a family that takes no text classifier.
        build: Builds a variant, randomly initialised, in float32 on the CPU, around a text classifier
            (None where `text_width` is None).
        to_published: Translates our names of tensors to those of the published checkpoints, one to one.
        formula_weights: Makes weights by formula with the names, shapes and dtypes of a state dict.
        deployment: The view of a network that export, parity and runners work with.
        facts: Figures of a variant for `rapsam models` beside its parameters, by name.
        whole_state: Whether state dicts hold every tensor that its networks compute with. They are then built
            without memory and take the tensors of a file as they are: large ones are in memory once.
        bare_checkpoints: Whether published checkpoints are state dicts with nothing around them.
        terms: What whoever loads published weights of a variant has to know; empty if nothing.
        default_tasks: What its networks are exported for unless a user says, keys of `rapsam.contract.TASKS`;
            None for what most are.
        default_size: Image height and width that a variant is exported for unless a user says; None for
            networks that do well at any, which leave that to the device.
    """

    variants: tuple[str, ...]
    text_width: Mapping[str, int] | None
    build: Callable[[str, TextClassifier | None], SegmentationNetwork]
    to_published: Callable[[str], str]
    formula_weights: Callable[[State], State]
    deployment: Callable[[SegmentationNetwork], Deployment]
    facts: Callable[[str], dict[str, int]]
    whole_state: bool = False
    bare_checkpoints: bool = False
    terms: Callable[[str], str] = lambda _variant: ""
    default_tasks: tuple[str, ...] | None = None
    default_size: Callable[[str], tuple[int, int] | None] = lambda _variant: None
