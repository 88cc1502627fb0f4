"""From a recipe to a finished run: data opened, network built, loop run, weights written."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rapsam.data.sources.categories import label_mapping
from rapsam.data.sources.kinds import open_annotated
from rapsam.data.sources.orientation import described_named
from rapsam.errors import InputError
from rapsam.models.backbones.published_weights import load_backbone
from rapsam.models.build import build_model, load_checkpoint
from rapsam.models.checkpoint import Note
from rapsam.models.network import SegmentationNetwork
from rapsam.models.origins import Weights
from rapsam.models.promptable import Promptable
from rapsam.models.trainable import Trainable, trainable
from rapsam.training.config import RunConfig
from rapsam.training.embeddings import EmbeddingStore
from rapsam.training.engine import Engine
from rapsam.training.lessons import (
    Teacher,
    build_lesson_teacher,
    build_student,
    lesson_network,
    with_teacher_sealed,
)
from rapsam.training.losses.distillation import Distillation
from rapsam.training.losses.network import LossNetwork
from rapsam.training.objective import Objective
from rapsam.training.run.folder import WEIGHTS_NAME, write_weights
from rapsam.training.samples import MixedSamples, MixedSource
from rapsam.training.trainer import Progress, Trainer


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


class Prepared(NamedTuple):
    """All that a run is made from.

    Attributes:
        config: The recipe, with what a run adds to it.
        model: The network.
        teacher: To learn from; None without one.
        samples: The data.
    """

    config: RunConfig
    model: Trainable | Promptable
    teacher: Trainable | Teacher | None
    samples: MixedSamples


def prepare(config: RunConfig, start: StartingPoint, data_root: Path, note: Note | None = None) -> Prepared:
    """Builds the networks of a run and opens its data.

    Args:
        config: The recipe.
        start: Where the network starts.
        data_root: Folder in which the recipe's folders lie.
        note: Is told which wrappers of a weight file were taken off.

    Raises:
        CheckpointError: If a weight file cannot be used.
        InputError: If a network or a data set cannot be used.
    """
    lesson = config.lesson
    if lesson is None:
        model, teacher = build_network(config, start, note), build_teacher(config, start)
        return Prepared(config, model, teacher, open_samples(config, data_root, model))
    for value, option in ((start.backbone, "--backbone"), (start.classifier, "--classifier")):
        if value is not None:
            raise InputError(f"{option} for {config.model}, which takes none: leave it out")
    master = build_lesson_teacher(config, lesson, data_root, note)
    config = with_teacher_sealed(config, lesson, master)
    student = build_student(config, master, start.checkpoint, note)
    samples = open_samples(config, data_root, student, master.store if master else None)
    return Prepared(config, student, master, samples)


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


def open_samples(
    config: RunConfig,
    data_root: Path,
    model: SegmentationNetwork,
    embeddings: EmbeddingStore | None = None,
) -> MixedSamples:
    """Opens the data sets of a recipe.

    Args:
        config: The recipe.
        data_root: Folder in which the recipe's folders lie.
        model: Its classes are what the data sets' classes are mapped to, by name.
        embeddings: Of the teacher of a lesson.

    Raises:
        InputError: If a data set is missing or damaged, shares no class with the model, or has videos where
            whole images are wanted.
    """
    sources = []
    known = model.text_classifier.label_set if model.text_classifier else None
    for part in config.data.sources:
        described = described_named(part.orientation)
        source = open_annotated(part.kind, data_root / part.folder, part.split, described)
        if part.task == "points" and any(source.num_frames(index) > 1 for index in range(len(source))):
            raise InputError(f"{source.name} has videos; expected images for task 'points'")
        # Prompts ask for regions of any class.
        classes = (
            np.zeros(len(source.label_set.labels), np.int64)
            if known is None or part.task == "prompt"
            else label_mapping(source.label_set, known)
        )
        sources.append(MixedSource(source, part, classes, len(known.labels) if known else 0))
    asks = config.lesson is None or config.lesson.kind != "embedding"
    return MixedSamples(sources, config.data, config.seed, asks=asks, embeddings=embeddings)


def train(
    engine: Engine,
    prepared: Prepared,
    run: Path,
    progress: Progress,
) -> Path:
    """Trains to the end, from the last checkpoint of the run if there is one.

    Args:
        engine: Started.
        prepared: See `prepare`.
        run: Folder of the run.
        progress: Told the steps done.

    Returns:
        The file of the final weights.

    Raises:
        TrainingStoppedError: If the loss is NaN or infinite.
        InputError: If a checkpoint cannot be written.
    """
    config = prepared.config
    trainer = Trainer(
        engine.fabric, config, _objective(prepared), prepared.samples, run, scaler=engine.scaler
    )
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


def _objective(prepared: Prepared) -> Objective:
    config, model, teacher, _ = prepared
    if config.lesson is not None:
        assert isinstance(model, Promptable)
        assert teacher is None or isinstance(teacher, Teacher)
        return lesson_network(config, config.lesson, model, teacher)
    assert isinstance(model, Trainable)
    assert teacher is None or isinstance(teacher, Trainable)
    return LossNetwork(
        model,
        config.loss,
        config.seed,
        checkpoint_activations=config.checkpoint_activations,
        distillation=_distillation(config, model, teacher),
        scheme=config.qat.scheme if config.qat else None,
    )


def _distillation(config: RunConfig, model: Trainable, teacher: Trainable | None) -> Distillation | None:
    if config.distill is None or teacher is None:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return Distillation(teacher, model, config.distill)
