"""From a model's name to a network that is ready to run or train."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from rapsam.errors import CheckpointError, quoted, unknown_name
from rapsam.models.checkpoint import Note, load_strictly, read_tensors
from rapsam.models.classifier_file import FORMULA_ORIGIN, LEARNT_FORMULA_ORIGIN, find_classifier
from rapsam.models.deployment import Deployment
from rapsam.models.rapsam.build import build_rapsam
from rapsam.models.rapsam.checkpoint_map import to_published
from rapsam.models.rapsam.config import VARIANTS
from rapsam.models.rapsam.deployment import RapSamDeployment
from rapsam.models.rapsam.formula import formula_state_dict
from rapsam.models.rapsam.model import RapSam
from rapsam.models.shipped import weights_path
from rapsam.models.weight_facts import WeightFacts, read_facts
from rapsam.tasks.labels import find_label_set

# In place of a file: weights that anyone can make again, for demos and tests. They recognise nothing.
FORMULA = "formula"


def build_model(
    name: str,
    *,
    checkpoint: str | Path | None = None,
    classifier: str | Path | Tensor | None = None,
    note: Note | None = None,
) -> RapSam:
    """Builds a network in eval mode.

    Args:
        name: "rapsam_r50", "rapsam_r18" or "rapsam_nano".
        checkpoint: A `.safetensors` file, a published `.pth`, the name of weights that come with the package
            (see `rapsam.models.shipped`), "formula" for untrained weights by formula, or None for a random
            initialisation to train from.
        classifier: See `rapsam.models.classifier_file.find_classifier`; None takes the vocabulary that the
            weights were trained with, if their file names one.
        note: Is told which wrappers of a weight file were taken off.

    Returns:
        The network, float32, on the CPU.

    Raises:
        InputError: If a name is unknown or a classifier does not fit.
        CheckpointError: If a file cannot be read or does not fit.
    """
    if name not in VARIANTS:
        raise unknown_name("model", name, VARIANTS)
    config = VARIANTS[name]
    path = None if checkpoint in (None, FORMULA) else weights_path(checkpoint)
    if path is not None and classifier is None:
        facts = _facts_of(path, name)
        # By name only: a file must not make us read another one.
        classifier = find_label_set(facts.vocabulary).name if facts and facts.vocabulary else None
    model = build_rapsam(name, config, find_classifier(classifier, config.embedding_width))
    if path is not None:
        load_checkpoint(model, path, note)
    elif checkpoint == FORMULA:
        model.load_state_dict(formula_state_dict(model.state_dict()))
        model.weights_origin = "formula (untrained)"
    return model.eval()


def load_checkpoint(model: RapSam, path: str | Path, note: Note | None = None) -> RapSam:
    """Loads weights into a network, strictly.

    Args:
        model: The network; unchanged if an error is raised.
        path: A `.safetensors`, `.pth`, `.pt` or `.ckpt` file with our names or the published ones, or the
            name of weights that come with the package.
        note: Is told which wrappers of the file were taken off.

    Returns:
        The same network.

    Raises:
        InputError: If the suffix is unknown, or no weights have the name.
        CheckpointError: If the file is damaged, unsafe, or does not fit; every kind of mismatch is named.
    """
    path = weights_path(path)
    facts, classifier = _facts_of(path, model.name), model.text_classifier
    load_strictly(model, read_tensors(path, note), path, to_published)
    model.weights_origin = path.name
    model.trained_sides = facts.sides if facts else None
    if facts and facts.vocabulary == classifier.label_set.name and classifier.origin == FORMULA_ORIGIN:
        classifier.origin = LEARNT_FORMULA_ORIGIN
    return model


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


def deployment_of(model: RapSam) -> Deployment:
    """Gives the view of a network that export, parity and runners work with."""
    return RapSamDeployment(model)


def describe_models() -> dict[str, dict[str, int]]:
    """Gives parameters, queries and hidden width of every variant, without making any weights."""
    described = {}
    for name, config in VARIANTS.items():
        with torch.device("meta"):
            model = build_rapsam(name, config, find_classifier("ytvis_2019", config.embedding_width))
        described[name] = {
            "parameters": sum(parameter.numel() for parameter in model.parameters()),
            "num_queries": config.num_queries,
            "hidden_width": config.hidden_width,
        }
    return described
