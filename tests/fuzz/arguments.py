"""Hostile command lines: every verb with its options, as the parsers know them, and values that are wrong."""

from __future__ import annotations

import argparse
import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.argument_values import NAMES, NUMBERS, SETTINGS, SIZES, TEXTS
from tests.fuzz.case import INPUTS, OUT, Case, Material
from tests.fuzz.mutations import shown

_SLOW = ("train", "export", "parity", "demo", "eval", "predict", "data synth", "convert", "bench")
_MISSES = ("data check", "parity", "demo", "export", "bench", "compare")
_INPUT_OPTIONS = ("--size", "--sides", "--point", "--box")
_WRITTEN = ("out", "destination", "folder", "resume")
_OUTSIDE = ("/dev/", "/proc/", "..")
_KEEPS = ("train", "export", "demo", "predict", "data synth")


def make(rng: random.Random, folder: Path, material: Material) -> Case:
    """One command line of any verb."""
    places = _places(folder, material)
    verb, parser = _verb(rng)
    arguments = verb.split()
    actions = [action for action in parser._actions if action.dest not in ("help", "version")]
    # As a rule what must be there is there, and well: else nothing but its absence would be met.
    hostile = rng.choice(actions) if actions and rng.random() < 0.9 else None
    for action in actions:
        if action is hostile:
            arguments += _given(rng, action, _hostile_values(rng, action, places))
        elif _is_required(action) or rng.random() < 0.25:
            sound = _sound_value(verb, action, folder, material)
            if sound is not None or _is_required(action):
                arguments += _given(rng, action, [rng.choice(NAMES) if sound is None else sound])
    arguments += _extra(rng, places)
    return Case(
        arguments=tuple(arguments),
        note=shown(f"{verb}, {hostile.option_strings[-1:] or hostile.dest if hostile else 'no value'}"),
        may_work=verb in _SLOW,
        may_miss=verb in _MISSES,
        may_keep=verb in _KEEPS,
        may_change=hostile is not None and hostile.dest in _WRITTEN,
    )


def _verb(rng: random.Random) -> tuple[str, argparse.ArgumentParser]:
    """A verb, the likelier the more options it has."""
    verbs = sorted(_verbs().items())
    return rng.choices(verbs, [len(parser._actions) for _, parser in verbs])[0]


def _verbs() -> dict[str, argparse.ArgumentParser]:
    from rapsam.cli.main import _parser

    def below(parser: argparse.ArgumentParser, name: str) -> Iterator[tuple[str, argparse.ArgumentParser]]:
        if not parser._verbs:
            yield name, parser
        for verb, inner in parser._verbs.items():
            yield from below(inner, f"{name} {verb}".strip())

    return dict(below(_parser(), ""))


def _is_required(action: argparse.Action) -> bool:
    return action.required or not (action.option_strings or action.nargs in ("?", "*"))


def _given(rng: random.Random, action: argparse.Action, values: list[str]) -> list[str]:
    if not action.option_strings:
        return values
    name = action.option_strings[-1]
    if action.nargs == 0:
        return [f"{name}={values[0]}"] if values[0] and rng.random() < 0.3 else [name]
    return [f"{name}={values[0]}"] if rng.random() < 0.4 else [name, *values]


def _hostile_values(rng: random.Random, action: argparse.Action, places: list[str]) -> list[str]:
    name = action.option_strings[-1] if action.option_strings else action.dest
    if name == "--set":
        pool = SETTINGS
    elif name in _INPUT_OPTIONS:
        pool = (*SIZES, *SIZES, *TEXTS)
    elif action.type in (int, float):
        pool = (*NUMBERS, *NUMBERS, *TEXTS)
    elif action.type is Path or action.metavar in ("FILE", "DIR", "ROOT", "RECIPE", "RUN", "FILE|NAME"):
        # Devices are given by their links as well: a command that replaces its output shall find no real one.
        kept = [place for place in places if action.dest not in _WRITTEN or not place.startswith(_OUTSIDE)]
        pool = (*kept, *kept, *TEXTS)
    else:
        pool = (*NAMES, *TEXTS, *NUMBERS)
    count = rng.choice((1, 1, 2)) if action.nargs == "+" else 1
    return [rng.choice(pool) for _ in range(count)]


def _sound_value(verb: str, action: argparse.Action, folder: Path, material: Material) -> str | None:
    """A value that fits, in place and size; None where an option is better left out."""
    name = action.option_strings[-1] if action.option_strings else action.dest
    out = str(folder / OUT / {"eval": "eval.json", "convert": "new.safetensors"}.get(verb, "results"))
    values = dict.fromkeys(("--out", "destination"), out)
    values |= dict.fromkeys(("--data", "root"), str(material.folder / "sets" / "coco_panoptic"))
    values |= dict.fromkeys(("inputs", "--image", "source"), str(material.photo))
    values |= dict.fromkeys(("--bundle", "bundle", "before", "after"), str(material.bundle))
    values |= dict.fromkeys(("--json", "--full", "--strict", "--half", "--recursive", "--verbose"), "")
    values |= dict.fromkeys(("--seed", "--images", "--workers", "--limit"), "1")
    values |= {"--videos": "0", "--size": "64x96", "--sides": "64,64", "--model": "rapsam_nano"}
    values |= {"--target": "onnx", "recipe": "nano-synth", "--split": "val", "--accelerator": "cpu"}
    values |= {"--point": "3,3", "--box": "1,1,9,9", "--min-score": "0.5", "--set": "epochs=1"}
    values |= {"--iters": "1", "--min-seconds": "0", "--threads": "1", "--on": "local", "--units": "all"}
    values |= {"words": "pixel", "folder": str(folder / INPUTS / "folder")}
    if name in ("--model", "--bundle") and verb in ("predict", "eval"):
        # The two exclude each other: what runs in a millisecond is taken.
        return values[name] if name == "--bundle" else None
    return values.get(name)


def _extra(rng: random.Random, places: list[str]) -> list[str]:
    if rng.random() > 0.12:
        return []
    return rng.choice(
        (
            [rng.choice(TEXTS)],
            ["--json", "--json"],
            ["--help"],
            ["--version"],
            [rng.choice(places)] * 2,
            ["--verbos"],
        )
    )


def _places(folder: Path, material: Material) -> list[str]:
    """Paths to all that a path can lead to."""
    root = folder / INPUTS
    (root / "folder").mkdir()
    (root / "closed").mkdir()
    (root / "empty").touch()
    os.mkfifo(root / "fifo")
    (root / "loop").symlink_to("loop")
    (root / "link").symlink_to(material.photo)
    (root / "into").symlink_to(root / "folder")
    (root / "null").symlink_to("/dev/null")
    (root / "zero").symlink_to("/dev/zero")
    shutil.copy(material.photo, root / "photo.png")
    (root / "text.toml").write_text("name = 'x'\nepochs = " + "9" * 5000)
    (root / "deep.toml").write_text("name = " + "[" * 5000)
    (root / "latin.toml").write_bytes(b"name = '\xe9'")
    (root / "closed").chmod(0o500)
    inside = (
        "folder",
        "closed",
        "closed/new",
        "empty",
        "fifo",
        "loop",
        "link",
        "into",
        "null",
        "zero",
        "photo.png",
        "photo.png/new",
    )
    names = (
        *inside,
        "text.toml",
        "deep.toml",
        "latin.toml",
        "none",
        "a\0b",
        "x" * 300,
        "\x1b[31mred",
        "folder/../none",
    )
    devices = ("/dev/null", "/dev/zero", "/dev/full", "/dev/stdin", "/dev/fd/0", ".", "..", "/proc/self/mem")
    return [*(str(root / name) for name in names), *devices, str(material.bundle), os.fsdecode(b"\xff\xfe")]
