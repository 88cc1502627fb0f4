"""`rapsam train`: trains a network, or goes on with a run."""

from __future__ import annotations

import argparse
from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.console import command_line, counted_progress, next_step, say, show
from rapsam.errors import InputError, quoted

if TYPE_CHECKING:
    from rapsam.training.config import RunConfig
    from rapsam.training.engine import Engine
    from rapsam.training.session import Prepared, StartingPoint

SUMMARY = "Train a network from a recipe, on one process or many; go on with an interrupted run."
EXAMPLE = "rapsam train nano-synth --data world --out runs/nano"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument("recipe", nargs="?", metavar="RECIPE", help="name of a recipe, or a .toml file")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the data sets")
    parser.add_argument("--out", type=Path, metavar="RUN", help="folder of a new run")
    parser.add_argument("--resume", type=Path, metavar="RUN", help="go on with this run, in place of RECIPE")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a value of the recipe, as in optimiser.lr=5e-4; may be repeated",
    )
    parser.add_argument(
        "--checkpoint", metavar="FILE", help="weights to start from, or nano-synth, which come with this tool"
    )
    parser.add_argument(
        "--backbone", type=Path, metavar="FILE", help="ImageNet weights of torchvision or timm to start from"
    )
    parser.add_argument("--classifier", type=Path, metavar="FILE", help="text classifier file")
    parser.add_argument(
        "--teacher", metavar="FILE", help="weights of the network whose embeddings or masks are to be learnt"
    )
    parser.add_argument("--teacher-model", metavar="NAME", help="its variant; default: the recipe's")
    parser.add_argument(
        "--embeddings",
        metavar="DIR",
        help="where the teacher's embeddings are kept: computed once, read by every run with that teacher",
    )
    parser.add_argument(
        "--qat",
        metavar="NAME",
        help="train for the few bits of an export recipe, such as onnx-w8a8; goes with --checkpoint",
    )
    parser.add_argument(
        "--accelerator",
        choices=("auto", "cpu", "cuda", "mps"),
        default="auto",
        help="kind of device; default: what there is",
    )
    parser.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="per machine; default: as many as torchrun has started, else 1",
    )
    parser.add_argument(
        "--nodes", type=int, default=1, metavar="N", help="machines, each started with torchrun; default 1"
    )


def run(options: argparse.Namespace) -> int:
    """Trains; the exit code is 0 at the end of the run."""
    _check(options)
    from rapsam.training.cautions import warnings_of
    from rapsam.training.engine import on_first_process, start_engine
    from rapsam.training.machines import Machines, check_machines, check_memory, check_open_files
    from rapsam.training.run.folder import locked_run, start_run
    from rapsam.training.session import prepare

    config, folder, start = _begun(options)
    machines = Machines(options.accelerator, options.processes, options.nodes)
    check_machines(machines, config)
    check_memory(config, machines.nodes)
    check_open_files(config)
    notes: list[str] = []
    prepared = prepare(config, start, options.data, notes.append)
    config = prepared.config
    engine = start_engine(machines, config.precision)
    first = engine.fabric.is_global_zero
    with ExitStack() as held:
        on_first_process(engine.fabric, lambda: held.enter_context(locked_run(folder)))
        _keep_embeddings(engine, prepared)
        if not options.resume:
            classifier = prepared.model.text_classifier
            on_first_process(engine.fabric, lambda: start_run(folder, config, classifier))
            warnings = [f"warning: {line}" for line in warnings_of(prepared, start)]
            say(*([*notes, *warnings] if first else ()))
        weights = _trained(engine, prepared, folder, options)
    if first:
        _report(folder, config.model, weights)
    return 0


def _begun(options: argparse.Namespace) -> tuple[RunConfig, Path, StartingPoint]:
    """Returns the recipe, the folder and the starting point of a run, new or resumed."""
    from rapsam.training.recipe_files import load_recipe
    from rapsam.training.run.folder import check_unstarted, classifier_of, recipe_of
    from rapsam.training.session import StartingPoint

    if options.resume:
        config = recipe_of(options.resume)
        return config, options.resume, StartingPoint(classifier=classifier_of(options.resume))
    config = _for_few_bits(load_recipe(options.recipe, options.set), options.qat)
    config = _with_teacher(config, options)
    check_unstarted(options.out)
    return config, options.out, StartingPoint(options.checkpoint, options.backbone, options.classifier)


def _for_few_bits(config: RunConfig, name: str | None) -> RunConfig:
    """Adds the export recipe to a run's own, if it trains for one."""
    if config.qat is not None:
        raise InputError("'qat' in a recipe or in --set; name the export recipe with --qat instead")
    if name is None:
        return config
    if config.lesson is not None:
        raise InputError(f"--qat for {config.name}, whose networks are trained in float only: leave it out")
    import msgspec

    from rapsam.export.backends.catalogue import RECIPES
    from rapsam.training.config import QatConfig

    schemes = {recipe.name: recipe.quantisation for recipe in RECIPES.values()}
    able = [found for found, scheme in schemes.items() if scheme is not None and not scheme.palette]
    scheme = schemes.get(name)
    if scheme is None or name not in able:
        raise InputError(f"--qat {quoted(name)}; expected an export recipe to train for: {', '.join(able)}")
    return msgspec.structs.replace(config, qat=QatConfig(recipe=name, scheme=scheme))


def _with_teacher(config: RunConfig, options: argparse.Namespace) -> RunConfig:
    """Adds the teacher that was named to a recipe that learns from one."""
    named = {
        "checkpoint": _from_anywhere(options.teacher),
        "model": options.teacher_model,
        "embeddings": options.embeddings and str(Path(options.embeddings).absolute()),
    }
    given = {key: value for key, value in named.items() if value is not None}
    if not given:
        return config
    if config.lesson is None or config.lesson.teacher is None:
        raise InputError(
            f"a teacher for {config.name}, which learns from none; leave it out, or take a recipe such as "
            "sam-encoder"
        )
    import msgspec

    teacher = msgspec.structs.replace(config.lesson.teacher, **given)
    return msgspec.structs.replace(config, lesson=msgspec.structs.replace(config.lesson, teacher=teacher))


def _from_anywhere(checkpoint: str | None) -> str | None:
    """Makes the path of a file absolute, for a run that goes on from another folder; names stay."""
    return str(Path(checkpoint).absolute()) if checkpoint and Path(checkpoint).is_file() else checkpoint


def _keep_embeddings(engine: Engine, prepared: Prepared) -> None:
    """Computes the embeddings of a teacher that are not kept yet; an interruption keeps those that are."""
    from rapsam.training.lessons import Teacher, forget_encoder, keep_embeddings

    if not isinstance(prepared.teacher, Teacher):
        return
    shown = engine.fabric.is_global_zero
    try:
        with counted_progress("embeddings") if shown else nullcontext(_say_nothing) as progress:
            keep_embeddings(engine.fabric, prepared.teacher, prepared.samples, say, progress)
    except KeyboardInterrupt:
        if shown:
            say("the embeddings that are done are kept: the same command goes on from there")
        raise
    forget_encoder(prepared.teacher)


def _trained(engine: Engine, prepared: Prepared, folder: Path, options: argparse.Namespace) -> Path:
    """Trains to the end; an interrupted run says with which command it goes on."""
    from rapsam.training.run.state import checkpoints_of
    from rapsam.training.session import train

    first = engine.fabric.is_global_zero
    try:
        with counted_progress("steps") if first else nullcontext(_say_nothing) as progress:
            return train(engine, prepared, folder, progress)
    except KeyboardInterrupt:
        if first and checkpoints_of(folder):
            say(f"go on with: {command_line('train', '--resume', folder, '--data', options.data)}")
        raise


def _report(folder: Path, model: str, weights: Path) -> None:
    from rapsam.training.faults import SKIPPED_NAME
    from rapsam.training.run.log import read_log

    log, names = read_log(folder), folder / SKIPPED_NAME
    if log and log[-1].skipped:
        show(f"{log[-1].skipped} samples could not be used; others took their place: {names} names them")
    if log and log[-1].incomplete:
        show(f"{log[-1].incomplete} samples were used with faulty annotations left out: {names} names these")
    show(str(weights), next_step("predict", "PHOTO", "--model", model, "--checkpoint", weights))


def _say_nothing(done: int, total: int, note: str = "") -> None:
    """Progress of the processes beside the first."""
    del done, total, note


def _check(options: argparse.Namespace) -> None:
    if options.resume is None:
        if options.recipe is None or options.out is None:
            raise InputError("expected a RECIPE and --out RUN for a new run, or --resume RUN")
        return
    given = [
        name
        for name, value in (
            ("RECIPE", options.recipe),
            ("--out", options.out),
            ("--set", options.set),
            ("--checkpoint", options.checkpoint),
            ("--backbone", options.backbone),
            ("--classifier", options.classifier),
            ("--qat", options.qat),
            ("--teacher", options.teacher),
            ("--teacher-model", options.teacher_model),
            ("--embeddings", options.embeddings),
        )
        if value
    ]
    if given:
        raise InputError(f"{given[0]} beside --resume; a run keeps its recipe and weights: leave it out")
