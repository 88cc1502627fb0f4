"""Writing a drawn world to disk, in the layouts of COCO and YouTube-VIS."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec

from rapsam.data.coco_records import Info
from rapsam.data.synth.coco_files import WrittenImage, instances_file, panoptic_file, write_coco_image
from rapsam.data.synth.image import draw_image
from rapsam.data.synth.into_place import finish_interrupted, finished_split, move_into_place
from rapsam.data.synth.source import LABEL_SET
from rapsam.data.synth.video import draw_video
from rapsam.data.synth.workers import Workers
from rapsam.data.synth.world import Places, World, check_place
from rapsam.data.synth.youtube_vis_files import WrittenVideo, videos_file, write_video_frames
from rapsam.files import atomic_folder, write_atomic
from rapsam.tasks.labels import find_label_set


def write_world(
    out: Path, world: World, *, workers: int = 1, progress: Callable[[], None] = lambda: None
) -> None:
    """Writes COCO panoptic, COCO instances and YouTube-VIS files, the same for any number of workers.

    All of a split is drawn in a hidden folder, which one renaming makes the finished split. Then its parts
    are moved to their places, folders first, annotation files after them, synth_{split}.json last. Whoever
    is killed in between, calls this again with the same world, and the moving goes on.

    Args:
        out: A new folder, or one that holds the other split.
        world: What to draw.
        workers: Processes; with more than one, a script must guard its start by `if __name__ == "__main__"`.
        progress: Called after each image and each video.

    Raises:
        InputError: If the folder cannot be used, the number of workers is too small or large, or one was
            killed.
    """
    if finish_interrupted(out, world):
        return
    check_place(out, world)
    images: list[WrittenImage] = []
    videos: list[WrittenVideo] = []
    with atomic_folder(finished_split(out, world.split)) as scratch:
        places = Places.of(scratch, world.split)
        # Left before the scratch folder: nobody writes any more when that goes.
        with Workers(workers) as pool:
            for image in pool.each(partial(_write_image, world, places), world.images):
                images.append(image)
                progress()
            for video in pool.each(partial(_write_video, world, places), world.videos):
                videos.append(video)
                progress()
        _write_annotations(places, world, images, videos)
    move_into_place(out, world.split)


def _write_image(world: World, scratch: Places, index: int) -> WrittenImage:
    clip = draw_image(world.seed, index, world.size)
    return write_coco_image(scratch.images, scratch.masks, clip, find_label_set(LABEL_SET))


def _write_video(world: World, scratch: Places, index: int) -> WrittenVideo:
    clip = draw_video(world.seed, index, world.num_frames, world.size)
    return write_video_frames(scratch.videos, clip, find_label_set(LABEL_SET))


def _write_annotations(
    places: Places, world: World, images: list[WrittenImage], videos: list[WrittenVideo]
) -> None:
    label_set = find_label_set(LABEL_SET)
    info = Info(description=f"drawn by rapsam, seed {world.seed}", version=f"drawing {world.drawing}")
    if images:
        _write_json(places.panoptic, panoptic_file(images, label_set, info))
        _write_json(places.instances, instances_file(images, label_set, info))
    if videos:
        _write_json(places.tracks, videos_file(videos, label_set, info))
    _write_json(places.record, world)


def _write_json(path: Path, content: msgspec.Struct) -> None:
    write_atomic(path, msgspec.json.encode(content))
