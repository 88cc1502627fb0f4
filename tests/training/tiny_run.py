"""A drawn data set and a recipe so small that twenty steps take seconds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rapsam.data.synth.world import World
from rapsam.data.synth.write_world import write_world

RECIPE = """
name = "tiny"
model = "rapsam_nano"
epochs = 4
batch_statistics = "none"
ema_decay = 0.9
save_every = 10
keep = 2

[data]
label_set = "synth"
height = 64
width = 64
colour = 0.2
prompts = 3
box_prompts = 0.5
min_prompt_area = 8
batch_size = 2
workers = 0

[[data.sources]]
task = "panoptic"
kind = "coco_panoptic"
folder = "."
frames = 2

[[data.sources]]
task = "prompt"
kind = "coco_panoptic"
folder = "."

[[data.sources]]
task = "instances"
kind = "youtube_vis_2019"
folder = "youtube_vis"
frames = 2

[loss]
num_points = 64

[optimiser]
lr = 1e-3
backbone_factor = 1.0
clip_norm = 1.0
warmup_steps = 4
schedule = "cosine"
"""
IMAGES, VIDEOS, STEPS = 4, 2, 20


def write_tiny_world(folder: Path) -> Path:
    """Writes four images and two videos of 64x64 px."""
    write_world(folder, World(images=IMAGES, videos=VIDEOS, seed=5, size=(64, 64), num_frames=4))
    return folder


def write_recipe(folder: Path) -> Path:
    """Writes the recipe: 10 samples an epoch, 4 epochs, batches of 2, so 20 steps."""
    path = folder / "tiny.toml"
    path.write_text(RECIPE)
    return path


LIKE_NANO_SYNTH = (
    *("--set", "batch_statistics=all", "--set", "precision=bf16", "--set", "prompt_start=apart"),
    *("--set", "loss.place_weight=10", "--set", "loss.stage_class_factor=0.05", "--set", "data.workers=1"),
    *("--set", "loss.name_weight=3", "--set", "loss.first_mask_factor=1"),
    *("--set", "data.clicks=inner", "--set", "data.boxed=all"),
)
"""Changes of the tiny recipe that make it learn in the way of the shipped weights."""
LIKE_PUBLISHED = ("--set", "batch_statistics=neck", "--set", "optimiser.accumulate=2")


def train_command(*arguments: object) -> list[str]:
    """Returns the command line of `rapsam train` on one CPU thread."""
    return [sys.executable, "-m", "rapsam", "train", "--accelerator", "cpu", *map(str, arguments)]


def run_training(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs `rapsam train` in a process of its own."""
    return subprocess.run(train_command(*arguments), capture_output=True, text=True, timeout=600)
