"""Times training and evaluation on the drawn world.

    python -m rapsam.benchmarks.studies.training_speed

Training is `rapsam train` itself, a few dozen steps each with one and two loading processes; its log has
samples per second and the share of time spent waiting for data. What matching and losses cost is the
difference between steps with them and steps that only sum up the outputs, done in turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import msgspec
import torch
from torch import Tensor, nn

from rapsam.benchmarks.measuring.records import (
    RESULTS,
    SCHEMA_VERSION,
    Versioned,
    now_utc,
    read_records,
    write_records,
)
from rapsam.data.synth.source import SynthImages
from rapsam.data.synth.world import World
from rapsam.data.synth.write_world import write_world
from rapsam.errors import RapSamError, UnavailableError
from rapsam.evaluation.run import evaluate
from rapsam.inference.segmenter import model_segmenter
from rapsam.machine import Machine, this_machine
from rapsam.models.build import build_model
from rapsam.models.shipped import SHIPPED
from rapsam.models.trainable import Trainable
from rapsam.training.batch import Batch, by_frames
from rapsam.training.losses.network import LossNetwork
from rapsam.training.optim import set_training_mode
from rapsam.training.recipe_files import load_recipe
from rapsam.training.run.log import read_log
from rapsam.training.samples import collate
from rapsam.training.session import StartingPoint, build_network, open_samples

FILE = RESULTS / "training_speed.json"
COMMAND = "python -m rapsam.benchmarks.studies.training_speed"
MODELS = ("rapsam_nano", "rapsam_r18")
WORKERS = (1, 2)
RECIPE = "nano-synth"
STEPS, WARM_UP = 80, 20
ROUNDS = 8
WEIGHTS = "nano-synth"
IMAGES, SIZE = 500, (256, 256)
DRAWN_IMAGES, DRAWN_VIDEOS = 400, 20
"""To train on."""


class TrainingSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """Training of one model with the recipe `nano-synth`.

    Attributes:
        model: Variant.
        workers: Loading processes.
        batch_size: Samples of a step.
        samples_per_s: Median over the entries of the log.
        wait_share: Share of the time in which the step waited for data, mean.
    """

    model: str
    workers: int
    batch_size: int
    samples_per_s: float
    wait_share: float


class LossShare(msgspec.Struct, frozen=True, kw_only=True):
    """What matching and losses take of a step, forward and backward.

    Attributes:
        model: Variant.
        step_ms: Median time of a step without the optimiser.
        bare_ms: The same with the mean of all outputs as its loss.
        share: (step_ms - bare_ms) / step_ms.
    """

    model: str
    step_ms: float
    bare_ms: float
    share: float


class EvaluationSpeed(msgspec.Struct, frozen=True, kw_only=True):
    """Evaluation of the shipped weights in PyTorch on drawn images, drawing included.

    Attributes:
        model: Variant.
        task: As in `rapsam eval --task`.
        images: Number of images of 256x256.
        seconds: All of them.
    """

    model: str
    task: str
    images: int
    seconds: float


class TrainingSpeeds(Versioned, frozen=True, kw_only=True):
    """Content of `results/training_speed.json`."""

    created_utc: str
    machine: Machine
    threads: int
    training: tuple[TrainingSpeed, ...]
    losses: tuple[LossShare, ...]
    evaluation: tuple[EvaluationSpeed, ...]


def main() -> None:
    """Measures everything and writes the record."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=FILE, help="results file")
    options = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            write_records(options.out, measure(Path(folder)))
    except RapSamError as error:
        parser.error(str(error))


def measure(folder: Path) -> TrainingSpeeds:
    """Measures with files in a folder."""
    world = folder / "world"
    _say("drawing a world")
    drawn = World(images=DRAWN_IMAGES, videos=DRAWN_VIDEOS, seed=1, split="train")
    write_world(world, drawn, workers=torch.get_num_threads())
    return TrainingSpeeds(
        schema_version=SCHEMA_VERSION,
        command=COMMAND,
        created_utc=now_utc(),
        machine=this_machine(),
        threads=torch.get_num_threads(),
        training=tuple(
            _training(model, workers, world, folder / f"{model}-{workers}")
            for model in MODELS
            for workers in WORKERS
        ),
        losses=tuple(_loss_share(model, world) for model in MODELS),
        evaluation=tuple(_evaluation(task) for task in ("panoptic", "prompts")),
    )


def known_speeds(path: Path = FILE) -> TrainingSpeeds | None:
    """Reads what was measured; None where there is no file."""
    return read_records(path, TrainingSpeeds) if path.exists() else None


def _training(model: str, workers: int, world: Path, run: Path) -> TrainingSpeed:
    _say(f"training {model} with {workers} loading processes")
    config = load_recipe(RECIPE, [])
    batch = config.data.batch_size
    epoch = open_samples(config, world, build_network(config, StartingPoint())).epoch_length
    settings = {"model": model, "data.workers": workers, "epochs": (STEPS + 0.5) * batch / epoch}
    changes = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    done = subprocess.run(
        [sys.executable, "-m", "rapsam", "train", RECIPE, "--data", str(world), "--out", str(run), *changes]
    )
    if done.returncode:
        raise UnavailableError(f"training {model} ended with exit code {done.returncode}; see above why")
    entries = [entry for entry in read_log(run) if entry.step > WARM_UP]
    return TrainingSpeed(
        model=model,
        workers=workers,
        batch_size=batch,
        samples_per_s=median(entry.samples_per_s for entry in entries),
        wait_share=sum(entry.wait_share for entry in entries) / len(entries),
    )


def _loss_share(model_name: str, world: Path) -> LossShare:
    _say(f"matching and losses of {model_name}")
    config = msgspec.structs.replace(load_recipe(RECIPE, []), model=model_name)
    model = build_network(config, StartingPoint())
    set_training_mode(model, config.batch_statistics)
    network = LossNetwork(model, config.loss, config.seed, checkpoint_activations=False)
    samples = open_samples(config, world, model)
    whole: list[float] = []
    bare: list[float] = []
    for number in range(ROUNDS):
        first = number * config.data.batch_size
        batch = collate([samples[place] for place in range(first, first + config.data.batch_size)])
        for losses, times in ((True, whole), (False, bare)):
            start = time.perf_counter()
            with torch.autocast("cpu", torch.bfloat16, enabled=config.precision == "bf16"):
                found = network(batch, network.counts(batch)).values() if losses else _bare(model, batch)
            torch.stack(list(found)).sum().backward()
            times.append(1000 * (time.perf_counter() - start))
            network.zero_grad()
    step, rest = median(whole), median(bare)
    return LossShare(model=model_name, step_ms=step, bare_ms=rest, share=(step - rest) / step)


def _bare(model: Trainable, batch: Batch) -> list[Tensor]:
    """Does all that a step does but matching and losses; gives the means of all outputs."""
    groups = by_frames(batch.objects)
    frames = [sample.frames for group in groups.values() for sample in group]
    features = model.encode(torch.cat(frames + [sample.frames for sample in batch.prompts]))
    with torch.autocast(features.device.type, enabled=False):
        outputs, taken = [], 0
        for count, group in groups.items():
            part = features[taken : taken + count * len(group)].float()
            taken += len(part)
            outputs += [model.detect(part, count)]
        if batch.prompts:
            boxes = nn.utils.rnn.pad_sequence([sample.boxes for sample in batch.prompts], batch_first=True)
            outputs += [model.segment(features[taken:].float(), boxes)]
        return [
            output.class_logits.mean() + output.mask_logits.mean() + output.iou.mean()
            for stages in outputs
            for output in stages
        ]


def _evaluation(task: str) -> EvaluationSpeed:
    model_name = SHIPPED[WEIGHTS]
    _say(f"evaluating {task} of {model_name} on {IMAGES} images")
    model = build_model(model_name, checkpoint=WEIGHTS)
    start = time.perf_counter()
    evaluate(model_segmenter(model, model.test_sides(video=False)), SynthImages(2, IMAGES, SIZE), task)
    return EvaluationSpeed(
        model=model_name, task=task, images=IMAGES, seconds=round(time.perf_counter() - start, 1)
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
