"""From a recipe to a finished run: data opened, network built, loop run, weights written."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rapsam.data.sources.categories import label_mapping
from rapsam.data.sources.kinds import open_annotated
from rapsam.data.sources.orientation import described_named
from rapsam.models.backbones.published_weights import load_backbone
from rapsam.models.build import build_model, load_checkpoint
from rapsam.models.checkpoint import Note
from rapsam.models.origins import Weights
from rapsam.models.trainable import Trainable, trainable
from rapsam.training.config import RunConfig
from rapsam.training.engine import Engine
from rapsam.training.run.folder import WEIGHTS_NAME, write_weights
from rapsam.training.samples import MixedSamples, MixedSource
from rapsam.training.trainer import Progress, Trainer

_NAMED = 5


class StartingPoint(NamedTuple):
    """What a new run starts from; all None for random weights.

    Attributes:
        checkpoint: Weights of the whole network, or the name of weights that come with the package.
        backbone: ImageNet weights of the backbone.
        classifier: Text-classifier file; None for prototypes by formula.
    """

    checkpoint: str | Path | None = None
    backbone: Path | None = None
    classifier: Path | None = None


def build_network(config: RunConfig, start: StartingPoint, note: Note | None = None) -> Trainable:
    """Builds the network that a run starts with; random weights follow from the seed.

    Args:
        config: The recipe.
        start: Where it starts.
        note: Is told which wrappers of a weight file were taken off.

    Raises:
        CheckpointError: If a file cannot be used.
        InputError: If the variant or the vocabulary is unknown, or the variant cannot be trained.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        model = build_model(config.model, classifier=start.classifier or config.data.label_set)
        network = trainable(model, config.model)
        if config.prompt_start == "apart":
            network.separate_prompts()
    if start.checkpoint is not None:
        load_checkpoint(model, start.checkpoint, note)
    if start.backbone is not None:
        layout = network.backbone_config.weight_layout
        load_backbone(network.backbone, layout, start.backbone, note)
    return network


def build_teacher(config: RunConfig, start: StartingPoint) -> Trainable | None:
    """Builds the network that a recipe learns from, None without one.

    Raises:
        CheckpointError: If its weights cannot be used.
        InputError: If its variant is unknown, or cannot teach.
    """
    if config.distill is None:
        return None
    teacher = build_model(
        config.distill.model,
        checkpoint=config.distill.checkpoint,
        classifier=start.classifier or config.data.label_set,
    )
    return trainable(teacher, config.distill.model)


def open_samples(config: RunConfig, data_root: Path, model: Trainable) -> MixedSamples:
    """Opens the data sets of a recipe.

    Args:
        config: The recipe.
        data_root: Folder in which the recipe's folders lie.
        model: Its classes are what the data sets' classes are mapped to, by name.

    Raises:
        InputError: If a data set is missing or damaged, or shares no class with the model.
    """
    sources = []
    for part in config.data.sources:
        described = described_named(part.orientation)
        source = open_annotated(part.kind, data_root / part.folder, part.split, described)
        known = model.text_classifier.label_set
        # Prompts ask for regions of any class.
        classes = (
            np.zeros(len(source.label_set.labels), np.int64)
            if part.task == "prompt"
            else label_mapping(source.label_set, known)
        )
        sources.append(MixedSource(source, part, classes, len(known.labels)))
    return MixedSamples(sources, config.data, config.seed)


def warnings_of(config: RunConfig, start: StartingPoint, samples: MixedSamples) -> list[str]:
    """Says what a new run will do that its owner may not have meant, a line for each."""
    lines = []
    if config.batch_statistics != "all" and start.checkpoint is None and start.backbone is None:
        lines.append(
            f"the backbone starts from random weights, and batch_statistics = {config.batch_statistics!r} "
            "keeps its batch norms from learning: give --backbone or --checkpoint, or "
            "--set batch_statistics=all"
        )
    for mixed in samples.sources:
        labels = mixed.source.label_set.labels
        unknown = [label.name for label, place in zip(labels, mixed.classes, strict=True) if place < 0]
        if unknown:
            some = ", ".join(unknown[:_NAMED]) + (", .." if len(unknown) > _NAMED else "")
            lines.append(
                f"{len(unknown)} of {len(labels)} classes of {mixed.source.name} are unknown to the network "
                f"and teach masks only: {some}"
            )
    return lines


def train(
    engine: Engine,
    config: RunConfig,
    model: Trainable,
    samples: MixedSamples,
    run: Path,
    progress: Progress,
    *,
    teacher: Trainable | None = None,
) -> Path:
    """Trains to the end, from the last checkpoint of the run if there is one.

    Returns:
        The file of the final weights.

    Raises:
        TrainingStoppedError: If the loss is NaN or infinite.
        InputError: If a checkpoint cannot be written.
    """
    trainer = Trainer(engine.fabric, config, model, samples, run, teacher=teacher, scaler=engine.scaler)
    trained = trainer.fit(progress)
    trained.weights = Weights(
        origin="training",
        name=f"{config.name}, trained",
        trained=True,
        trained_for=config.qat.recipe if config.qat else None,
    )
    if engine.fabric.is_global_zero:
        write_weights(run, trained, config)
    return run / WEIGHTS_NAME
