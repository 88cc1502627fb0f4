"""`rapsam data synth`: a drawn world in the formats of COCO and YouTube-VIS."""

from __future__ import annotations

import argparse
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.cli.arguments import image_size
from rapsam.cli.console import counted_progress, next_step, readable_size, say, show, show_json
from rapsam.errors import InputError
from rapsam.files import size_of

if TYPE_CHECKING:
    from rapsam.data.synth.world import World

SUMMARY = "Draw images and videos with exact masks, as COCO and YouTube-VIS files, to train and test with."
EXAMPLE = "rapsam data synth --out world --images 2000 --videos 200 --seed 1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the options."""
    parser.add_argument(
        "--out", required=True, type=Path, metavar="DIR", help="new folder, or one that holds the other split"
    )
    parser.add_argument("--images", type=int, default=0, metavar="N", help="number of images; default 0")
    parser.add_argument("--videos", type=int, default=0, metavar="M", help="number of videos; default 0")
    parser.add_argument(
        "--seed", required=True, type=int, metavar="S", help="0 or more; another seed gives other pictures"
    )
    parser.add_argument(
        "--size", type=image_size, default=(256, 256), metavar="HxW", help="of all pictures; default 256x256"
    )
    parser.add_argument("--split", default="train", metavar="NAME", help="train (default) or val")
    parser.add_argument(
        "--workers", type=int, default=os.cpu_count() or 1, metavar="W", help="processes; default all cores"
    )
    parser.add_argument("--json", action="store_true", help="print what was written as JSON")


def run(options: argparse.Namespace) -> int:
    """Draws one split."""
    from rapsam.data.synth.into_place import finish_interrupted
    from rapsam.data.synth.world import World, check_place
    from rapsam.data.synth.write_world import write_world

    if options.images == options.videos == 0:
        raise InputError(
            "nothing to draw: --images 0 and --videos 0; expected 1 or more of one of them, such as --images "
            "2000 --videos 200"
        )
    world = World(
        images=options.images,
        videos=options.videos,
        seed=options.seed,
        size=options.size,
        split=options.split,
    )
    if finish_interrupted(options.out, world):
        say(f"an interrupted run had drawn all of it; moved to its places in {options.out}")
        _print_world(options.out, world, as_json=options.json)
        return 0
    check_place(options.out, world)
    total = world.images + world.videos
    with counted_progress("images and videos") as report:
        report(0, total)
        numbers = itertools.count(1)
        write_world(
            options.out, world, workers=options.workers, progress=lambda: report(next(numbers), total)
        )
    _print_world(options.out, world, as_json=options.json)
    return 0


def _print_world(out: Path, world: World, *, as_json: bool) -> None:
    from rapsam.data.synth.world import Places

    places = [place for place in Places.of(out, world.split) if place.exists()]
    sizes = {str(place): size_of(place) for place in places}
    if as_json:
        show_json({"root": str(out), "seed": world.seed, "size_bytes": sizes})
        return
    for place, size in sizes.items():
        show(f"{place}  {readable_size(size)}")
    show(next_step("data", "check", out))
