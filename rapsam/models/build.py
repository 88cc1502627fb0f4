"""From a model's name to a network that is ready to run or train."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import torch
from torch import Tensor

from rapsam.errors import CheckpointError, InputError, quoted
from rapsam.models.checkpoint import Note, load_strictly, read_tensors
from rapsam.models.classifier_file import find_classifier
from rapsam.models.deployment import Deployment, MaskEnlarger, takes_points
from rapsam.models.families import family_of, variant_names
from rapsam.models.network import SegmentationNetwork
from rapsam.models.origins import FORMULA_WEIGHTS, Weights
from rapsam.models.shipped import weights_path
from rapsam.models.text_classifier import TextClassifier
from rapsam.models.weight_facts import WeightFacts, read_facts
from rapsam.tasks.labels import find_label_set
from rapsam.tasks.prompt_set import MOST_POINTS

Network = TypeVar("Network", bound=SegmentationNetwork)
# In place of a file: weights that anyone can make again, for demos and tests. They recognise nothing.
FORMULA = "formula"


def build_model(
    name: str,
    *,
    checkpoint: str | Path | None = None,
    classifier: str | Path | Tensor | None = None,
    note: Note | None = None,
) -> SegmentationNetwork:
    """Builds a network in eval mode.

    Args:
        name: A variant of a family; `rapsam.models.families.variant_names` lists them.
        checkpoint: A `.safetensors` file, a published `.pth`, the name of weights that come with the package
            (see `rapsam.models.shipped`), "formula" for untrained weights by formula, or None for a random
            initialisation to train from.
        classifier: See `rapsam.models.classifier_file.find_classifier`; None takes the vocabulary that the
            weights were trained with, if their file names one.
        note: Is told which wrappers of a weight file were taken off, and on which terms weights are lent.

    Returns:
        The network, float32, on the CPU.

    Raises:
        InputError: If a name is unknown or a classifier does not fit.
        CheckpointError: If a file cannot be read or does not fit.
    """
    family = family_of(name)
    path = None if checkpoint in (None, FORMULA) else weights_path(checkpoint)
    if path is not None and classifier is None:
        facts = _facts_of(path, name)
        # By name only: a file must not make us read another one.
        classifier = find_label_set(facts.vocabulary).name if facts and facts.vocabulary else None
    empty = family.whole_state and checkpoint is not None
    with torch.device("meta") if empty else nullcontext():
        model = family.build(name, _classifier_for(name, classifier))
    if path is not None:
        load_checkpoint(model, path, note)
    elif checkpoint == FORMULA:
        model.load_state_dict(family.formula_weights(model.state_dict()), assign=empty)
        model.weights = FORMULA_WEIGHTS
    return model.eval()


def _classifier_for(name: str, classifier: str | Path | Tensor | None) -> TextClassifier | None:
    widths = family_of(name).text_width
    if widths is not None:
        return find_classifier(classifier, widths[name])
    if classifier is not None:
        raise InputError(f"a text classifier for {name}, which names no classes by text: leave it out")
    return None


def load_checkpoint(
    model: SegmentationNetwork, path: str | Path, note: Note | None = None
) -> SegmentationNetwork:
    """Loads weights into a network, strictly.

    Args:
        model: The network; unchanged if an error is raised.
        path: A `.safetensors`, `.pth`, `.pt` or `.ckpt` file with our names or the published ones, or the
            name of weights that come with the package.
        note: Is told which wrappers of the file were taken off, and on which terms published weights of the
            network may be used.

    Returns:
        The same network.

    Raises:
        InputError: If the suffix is unknown, or no weights have the name.
        CheckpointError: If the file is damaged, unsafe, or does not fit; every kind of mismatch is named.
    """
    path = weights_path(path)
    facts, classifier = _facts_of(path, model.name), model.text_classifier
    family = family_of(model.name)
    load_strictly(
        model, read_tensors(path, note), path, family.to_published, partial(_other_variant, model.name)
    )
    if note and (terms := family.terms(model.name)):
        note(f"{path.name}: {terms}")
    trained_for = facts.trained_for if facts else None
    model.weights = Weights(origin="file", name=path.name, trained=True, trained_for=trained_for)
    model.trained_sides = facts.sides if facts else None
    if facts and classifier and facts.vocabulary == classifier.label_set.name:
        classifier.origin = msgspec.structs.replace(
            classifier.origin, learnt=classifier.origin.origin == "formula"
        )
    return model


def _other_variant(model: str, tensors: Mapping[str, Tensor]) -> str | None:
    """Tells of which variant but `model` these weights are, by names and shapes; None if of none."""
    given = {name: tensor.shape for name, tensor in tensors.items()}
    for name in variant_names():
        if name == model:
            continue
        state, rename = _without_weights(name).state_dict(), family_of(name).to_published
        for named in (lambda ours: ours, rename):
            if {named(ours): tensor.shape for ours, tensor in state.items()} == given:
                return name
    return None


def _facts_of(path: Path, model: str) -> WeightFacts | None:
    """Reads what a weight file says about itself, and whether it says that it is of this variant.

    Raises:
        CheckpointError: If it cannot be read, or is of another variant.
    """
    facts = read_facts(path)
    if facts and facts.model != model:
        raise CheckpointError(
            f"{path} holds weights of {quoted(facts.model)} and does not fit the model {model}; "
            "take the model that they belong to, or other weights"
        )
    return facts


def deployment_of(
    model: SegmentationNetwork, max_points: int | None = None, *, enlarge_masks: bool = False
) -> Deployment:
    """Returns the view of a network that export, parity and runners work with.

    Args:
        model: The network.
        max_points: Points of one prompt, 1 to `MOST_POINTS`, for which its graphs have slots; None for as
            many as its family has them for.
        enlarge_masks: Whether graphs return masks of the image's own size too.

    Raises:
        InputError: If its graphs have no slots for points, or cannot have so many, or enlarge no masks.
    """
    deployment = family_of(model.name).deployment(model)
    if enlarge_masks:
        if not isinstance(deployment, MaskEnlarger):
            raise InputError(f"enlarged masks of {model.name}, whose graphs enlarge none: leave that out")
        deployment = deployment.with_enlarged_masks()
    if max_points is None:
        return deployment
    if not takes_points(deployment):
        raise InputError(
            f"{max_points} points per prompt for {model.name}, whose graphs have no slots for points: leave "
            "the number out"
        )
    if not 1 <= max_points <= MOST_POINTS:
        raise InputError(f"{max_points} points per prompt; expected 1 to {MOST_POINTS}")
    return deployment.with_max_points(max_points)


def describe_models() -> dict[str, dict[str, int]]:
    """Returns the parameters of every variant and what its family tells of it, without making any weights."""
    described = {}
    for name in variant_names():
        model = _without_weights(name)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        described[name] = {"parameters": parameters, **family_of(name).facts(name)}
    return described


def _without_weights(name: str) -> SegmentationNetwork:
    """Builds a variant without memory for its weights."""
    classifier = _classifier_for(name, None)
    with torch.device("meta"):
        return family_of(name).build(name, classifier)
