"""Moving a split that is drawn to its places, so that whoever is killed on the way can go on."""

from __future__ import annotations

import shutil
from pathlib import Path

from rapsam.data.synth.world import Places, World, read_record
from rapsam.errors import InputError
from rapsam.files import check_new_folder


def finished_split(out: Path, split: str) -> Path:
    """Returns the hidden folder in which a split lies that is drawn but not in its places yet."""
    return out / f".synth_{split}.finished"


def finish_interrupted(out: Path, world: World) -> bool:
    """Moves what an interrupted run had drawn to its places.

    Returns:
        Whether this very world lies there now. If it was another one, `check_place` says so.

    Raises:
        InputError: If other files are in its places, or the disk refuses.
    """
    if not finished_split(out, world.split).is_dir():
        return False
    move_into_place(out, world.split)
    record = Places.of(out, world.split).record
    return record.is_file() and read_record(record) == world


def move_into_place(out: Path, split: str) -> None:
    """Moves the parts of a finished split to their places, its record last; what is there already stays.

    Raises:
        InputError: If other files are in its places, or the disk refuses.
    """
    finished = finished_split(out, split)
    try:
        for part, place in zip(Places.of(finished, split), Places.of(out, split), strict=True):
            if part.exists():
                check_new_folder(place)
                place.parent.mkdir(parents=True, exist_ok=True)
                if place.is_dir():
                    place.rmdir()
                part.rename(place)
        shutil.rmtree(finished)
    except OSError as error:
        raise InputError(
            f"cannot move what was drawn from {finished} to its places ({error.strerror}); mend that, and "
            "start the same command again: it goes on from there"
        ) from error
