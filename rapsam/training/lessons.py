"""From a recipe with a lesson to a student and its teacher, whose embeddings are computed once and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import torch
from lightning_fabric import Fabric

from rapsam.data.sources.annotated import bare_clip
from rapsam.errors import InputError
from rapsam.models.build import build_model, load_checkpoint
from rapsam.models.checkpoint import Note
from rapsam.models.origins import weights_sha256
from rapsam.models.promptable import Promptable, promptable
from rapsam.tasks.preprocess import normalised_square
from rapsam.training.config import LessonConfig, RunConfig
from rapsam.training.embeddings import EmbeddingStore, Place, Seal, in_megabytes
from rapsam.training.engine import any_process, in_all_processes, on_first_process
from rapsam.training.losses.lessons import EmbeddingLesson, Lesson, MaskLesson
from rapsam.training.samples import MixedSamples, MixedSource
from rapsam.training.shared_folder import check_shared

TURN_S = 30.0
"""Processes that are done wait for the others a turn, and an image, at a time: a collective that waited for
the slowest would end the run after half an hour."""

Progress = Callable[[int, int, str], None]


class Teacher(NamedTuple):
    """A network to learn from.

    Attributes:
        network: In eval mode.
        store: Its embeddings.
    """

    network: Promptable
    store: EmbeddingStore


def build_lesson_teacher(
    config: RunConfig, lesson: LessonConfig, data_root: Path, note: Note | None
) -> Teacher | None:
    """Builds the teacher of a recipe, None without one.

    Args:
        config: The recipe.
        lesson: That of the recipe.
        data_root: Folder in which the recipe's data sets lie.
        note: Is told which wrappers of the weight file were taken off, and on which terms it may be used.

    Raises:
        CheckpointError: If its weights cannot be used.
        InputError: If it was not named in full, cannot teach, or is not the one that a run was begun with;
            if the folder of its embeddings is of another one, or not of embeddings.
    """
    given = lesson.teacher
    if given is None:
        return None
    for value, option in ((given.checkpoint, "--teacher FILE"), (given.embeddings, "--embeddings DIR")):
        if not value:
            raise InputError(f"recipe {config.name} learns from a teacher, {given.model}; expected {option}")
    network = promptable(build_model(given.model, checkpoint=given.checkpoint, note=note), given.model)
    side, digest = config.data.height, weights_sha256(network.state_dict())
    if given.sha256 not in (None, digest):
        raise InputError(
            f"{given.checkpoint} holds other weights than the teacher had with which the run was begun; put "
            "these back, or start a new run"
        )
    shape = _whole_embedding(network, side)
    seal = Seal(teacher=given.model, weights_sha256=digest, side=side, shape=shape)
    store = EmbeddingStore(Path(given.embeddings), seal, data_root)
    store.check()
    return Teacher(network, store)


def with_teacher_sealed(config: RunConfig, lesson: LessonConfig, teacher: Teacher | None) -> RunConfig:
    """Returns the recipe of a run, which goes on with no other teacher."""
    if lesson.teacher is None or teacher is None:
        return config
    sealed = msgspec.structs.replace(lesson.teacher, sha256=teacher.store.seal.weights_sha256)
    return msgspec.structs.replace(config, lesson=msgspec.structs.replace(lesson, teacher=sealed))


def build_student(
    config: RunConfig, teacher: Teacher | None, checkpoint: str | Path | None, note: Note | None
) -> Promptable:
    """Builds the network that a run starts with; random weights follow from the seed.

    Args:
        config: The recipe.
        teacher: Its prompt encoder and decoder are what the student starts with, if there is one.
        checkpoint: Weights to start from; with a teacher only their encoder counts.
        note: Is told which wrappers of a weight file were taken off, and if more than the encoder of the
            checkpoint was trained.

    Raises:
        CheckpointError: If a file cannot be used.
        InputError: If the variant is unknown, cannot learn, or its embedding is not like the teacher's.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        student = promptable(build_model(config.model), config.model)
    side = config.data.height
    shape = _whole_embedding(student, side)
    if checkpoint is not None:
        load_checkpoint(student, checkpoint, note)
    if teacher is not None:
        _check_alike(student, shape, teacher)
        if checkpoint is not None and note is not None and _answers_differ(student, teacher.network):
            note(
                f"{checkpoint} answers prompts with other weights than the teacher: those of the teacher are "
                "taken, and from the checkpoint the image encoder alone"
            )
        for ours, theirs in _shared_parts(student, teacher.network):
            ours.load_state_dict(theirs.state_dict())
    return student


def _whole_embedding(network: Promptable, side: int) -> tuple[int, int, int]:
    """Returns the shape of an embedding without padding but an image's own: lessons know of no other."""
    if network.fixed_side not in (None, side):
        wanted = network.fixed_side
        raise InputError(
            f"data.height {side} for {network.name}, which takes images of {wanted}x{wanted}; expected "
            f"--set data.height={wanted} --set data.width={wanted}"
        )
    return network.embedding_shape((side, side))


def _check_alike(student: Promptable, shape: tuple[int, int, int], teacher: Teacher) -> None:
    seal = teacher.store.seal
    if seal.shape != shape:
        raise InputError(
            f"{seal.teacher} embeds an image of {seal.side} px as {_times(seal.shape)}, {student.name} as "
            f"{_times(shape)}; expected a teacher with the same, or data.height and data.width at which it is"
        )
    for ours, theirs in _shared_parts(student, teacher.network):
        if _shapes(ours) != _shapes(theirs):
            raise InputError(
                f"{seal.teacher} answers prompts with other parts than {student.name}; expected a teacher of "
                "the same family"
            )


def _shared_parts(
    student: Promptable, teacher: Promptable
) -> tuple[tuple[torch.nn.Module, torch.nn.Module], ...]:
    """Returns the pairs of parts that a student has from its teacher."""
    return (
        (student.prompt_encoder, teacher.prompt_encoder),
        (student.mask_decoder, teacher.mask_decoder),
    )


def _answers_differ(student: Promptable, teacher: Promptable) -> bool:
    pairs = _shared_parts(student, teacher)
    states = ((ours.state_dict(), theirs.state_dict()) for ours, theirs in pairs)
    return any(not torch.equal(mine[name], other[name]) for mine, other in states for name in mine)


def _shapes(part: torch.nn.Module) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in part.state_dict().items()}


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def keep_embeddings(
    fabric: Fabric, teacher: Teacher, samples: MixedSamples, note: Note, progress: Progress
) -> None:
    """Computes the embeddings that a folder lacks, shared by all processes; what is there is not done again.

    Images that cannot be read have none: training leaves them out too, and says so.

    Args:
        fabric: Launched.
        teacher: The network and the folder.
        samples: Their images.
        note: Is told how much disk is needed, before anything is computed.
        progress: Told how many embeddings of this process are done, and all of them.

    Raises:
        EmbeddingError: If an embedding is not finite.
        InputError: If the folder cannot be read or written, or its disk has too little space.
    """
    store = teacher.store
    places = [(mixed, index) for mixed in samples.sources for index in range(len(mixed.source))]
    missing = in_all_processes(
        fabric,
        lambda: store.missing([Place(mixed.config, index) for mixed, index in places]),
        InputError("another process could not look into the folder of the embeddings; see what it says"),
    )
    if fabric.is_global_zero and missing:
        note(
            f"embeddings by {store.seal}: {len(places) - len(missing)} of {len(places)} are in "
            f"{store.folder}, the others take {in_megabytes(len(missing) * store.bytes_per_image)}"
        )
    on_first_process(fabric, lambda: store.begin(len(missing)))
    check_shared(fabric, store.folder, "expected --embeddings in a folder that all machines share")
    # By their place in the list of all: other processes may have begun to write.
    share = [pair for number, pair in enumerate(places) if number % fabric.world_size == fabric.global_rank]
    work = _embedded(teacher, share, fabric.device, progress)
    elsewhere = InputError("another process could not compute its embeddings; see what it says")
    all_done = False
    while not all_done:
        done = in_all_processes(fabric, lambda: _worked(work), elsewhere)
        all_done = not any_process(fabric, not done)


def _worked(work: Iterator[None]) -> bool:
    """Goes on for a turn; tells whether nothing is left."""
    until = time.monotonic() + TURN_S
    return all(time.monotonic() < until for _ in work)


def _embedded(
    teacher: Teacher, places: list[tuple[MixedSource, int]], device: torch.device, progress: Progress
) -> Iterator[None]:
    """Looks up what is missing and computes it, a file or an image at a time."""
    store, left = teacher.store, []
    for mixed, index in places:
        if store.missing([Place(mixed.config, index)]):
            left.append((mixed, index))
        yield
    if not left:
        return
    network = teacher.network.to(device)
    for done, (mixed, index) in enumerate(left, start=1):
        try:
            image = bare_clip(mixed.source, index).frames[0]
        except InputError:
            yield
            continue
        pixels = torch.from_numpy(normalised_square(image, store.seal.side).pixels)
        # Not around the whole: between two images the caller would have no gradients.
        with torch.no_grad():
            embedding = network.encode(pixels.to(device))[0]
        store.write(Place(mixed.config, index), image, embedding)
        progress(done, len(left), "")
        yield


def forget_encoder(teacher: Teacher) -> None:
    """Gives back the memory of a teacher's encoder, which nobody asks once its embeddings are kept.

    Its prompt encoder and decoder stay: 4 M parameters of the 641 M of SAM's ViT-H.
    """
    teacher.network.image_encoder.to("meta")


def lesson_network(
    config: RunConfig, lesson: LessonConfig, student: Promptable, teacher: Teacher | None
) -> Lesson:
    """Puts a student, its teacher and its losses together."""
    if lesson.kind == "embedding":
        return EmbeddingLesson(student)
    return MaskLesson(student, lesson, config.seed, teacher.network if teacher else None)
