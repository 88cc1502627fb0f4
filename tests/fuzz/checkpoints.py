"""Hostile weight files: odd tensors, pickles that would run or allocate, headers that lie, and damage."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from tests.fuzz.case import INPUTS, OUT, Case, Material
from tests.fuzz.mutations import NOT_A_FILE_OF_ITS_KIND, damaged, odd_stem, shown, spliced
from tests.fuzz.pickles import pickle_file
from tests.fuzz.tensor_files import safetensors_file, torch_file
from tests.fuzz.worker import CANARY

WRITERS = {"torch": torch_file, "safetensors": safetensors_file, "pickle": pickle_file}
SUFFIXES = {"torch": ".pth", "safetensors": ".safetensors", "pickle": ".pth"}


def make(rng: random.Random, folder: Path, material: Material) -> Case:
    """One weight file, as a checkpoint or a text classifier, for `convert`, `predict`, `eval` or `train`."""
    data, suffix, note = weight_bytes(rng, str(folder / CANARY))
    path = folder / INPUTS / f"{odd_stem(rng)}{suffix}"
    path.write_bytes(data)
    return _use(rng, folder, material, path, note)


def weight_bytes(rng: random.Random, canary: str) -> tuple[bytes, str, str]:
    """Makes a weight file.

    Args:
        rng: Decides.
        canary: A file that code in the weight file would make, if it were run.

    Returns:
        The bytes, a suffix, and what was done.
    """
    chance = rng.random()
    if chance < 0.07:
        return rng.choice(NOT_A_FILE_OF_ITS_KIND), rng.choice((".pth", ".pt", ".safetensors")), "no weights"
    kind = rng.choice(("torch", "torch", "torch", "safetensors", "pickle"))
    data, note = WRITERS[kind](rng, canary)
    suffix = (
        SUFFIXES[kind] if rng.random() < 0.92 else rng.choice((".pth", ".pt", ".safetensors", ".bin", ""))
    )
    if chance < 0.75:
        return data, suffix, note
    if chance < 0.78:
        other, second = WRITERS[rng.choice(sorted(WRITERS))](rng, canary)
        return spliced(rng, data, other), suffix, f"{note}, spliced with {second}"
    data, how = damaged(rng, data)
    return data, suffix, f"{note}, {how}"


def _use(rng: random.Random, folder: Path, material: Material, path: Path, note: str) -> Case:
    note = shown(f"{note} as {path.name}")
    new = folder / OUT / f"new{rng.choice(('.safetensors', '.safetensors', '.pth'))}"
    use = rng.random()
    if use < 0.5:
        model = ["--model", "rapsam_nano"] if rng.random() < 0.9 else []
        half = ["--half"] if rng.random() < 0.2 else []
        return Case(arguments=("convert", str(path), str(new), *model, *half), note=note)
    option = rng.choice(("--checkpoint", "--checkpoint", "--classifier"))
    named = ("--model", "rapsam_nano", option, str(path))
    if use < 0.75:
        out = ("--out", str(folder / OUT / "results"))
        return Case(
            arguments=("predict", str(material.photo), *named, *out), note=note, may_work=True, may_keep=True
        )
    if use < 0.9:
        data = ("--data", str(material.folder / "sets" / "coco_panoptic"), "--sides", "64,64", "--limit", "1")
        out = ("--out", str(folder / OUT / "eval.json"))
        return Case(arguments=("eval", *named, *data, *out), note=note, may_work=True)
    world = shutil.copytree(material.folder / "sets" / "coco_panoptic", folder / INPUTS / "world")
    start = (rng.choice(("--checkpoint", "--backbone", "--classifier")), str(path))
    arguments = ("train", "nano-synth", "--data", str(world), "--out", str(folder / OUT / "run"), *start)
    return Case(arguments=arguments, note=note, may_work=True, may_keep=True)
