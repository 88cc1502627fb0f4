"""Hostile annotations: data sets of all kinds, whose JSON, masks, pictures and paths do not hold."""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
from PIL import Image

from tests.fuzz.case import INPUTS, OUT, Case, Material
from tests.fuzz.images import image_bytes
from tests.fuzz.material import SETS
from tests.fuzz.mutations import NOT_A_FILE_OF_ITS_KIND, damaged, shown
from tests.fuzz.trees import changed, encoded, hostile_values

_DEFAULT_SPLITS = {"youtube_vis_2019": "train", "ade20k_panoptic": "train", "sa1b": "train"}
_PATH_FIELDS = ("file_name", "file_names")
_TASKS = {
    "coco_panoptic": ("panoptic", "instances", "prompts"),
    "coco_instances": ("instances", "prompts"),
    "youtube_vis_2019": ("tracks",),
    "ade20k_panoptic": ("panoptic", "instances", "prompts", "tracks"),
    "vipseg": ("video-panoptic", "tracks"),
    "sa1b": ("prompts",),
}


def make(rng: random.Random, folder: Path, material: Material) -> Case:
    """One data set, for `data check` or `eval`."""
    kind = rng.choice(sorted(SETS))
    root = folder / INPUTS / kind
    shutil.copytree(material.folder / "sets" / kind, root)
    notes = [rng.choice(_EDITS)(rng, root) for _ in range(rng.choice((1, 1, 2)))]
    note = shown(f"{kind}: {'; '.join(notes)}")
    if rng.random() < 0.65:
        full, as_json = ([option] if rng.random() < 0.7 else [] for option in ("--full", "--json"))
        return Case(
            arguments=("data", "check", str(folder / INPUTS), *full, *as_json), note=note, may_miss=True
        )
    task = ["--task", rng.choice(_TASKS[kind])] if rng.random() < 0.6 else []
    split = ["--split", _DEFAULT_SPLITS[kind]] if kind in _DEFAULT_SPLITS else []
    limit = rng.choice(([], ["--limit", "1"]))
    return Case(
        arguments=(
            *("eval", "--bundle", str(material.bundle), "--data", str(root), "--kind", kind),
            *(*split, *task, *limit, "--out", str(folder / OUT / "eval.json")),
        ),
        note=note,
    )


def _annotation_file(root: Path) -> Path:
    return min(root.rglob("*.json"))


def _json(rng: random.Random, root: Path) -> str:
    path = _annotation_file(root)
    tree, note = changed(rng, _loaded(path), most=3)
    data, form = encoded(rng, tree)
    path.write_bytes(data)
    return f"{note} {form}"


def _loaded(path: Path):
    """The content, or something else where an earlier change has made it no JSON any more."""
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError):
        return {"images": [], "annotations": [], "categories": []}


def _json_bytes(rng: random.Random, root: Path) -> str:
    path = _annotation_file(root)
    data, note = damaged(rng, path.read_bytes() or b"{}")
    path.write_bytes(data)
    return f"bytes of the JSON, {note}"


def _path(rng: random.Random, root: Path) -> str:
    """A file name that leads elsewhere, or is repeated."""
    path = _annotation_file(root)
    tree = _loaded(path)
    value = rng.choice(
        (
            "../x.jpg",
            "/etc/passwd",
            "/dev/zero",
            "a\0b",
            "",
            ".",
            "..",
            "x" * 5000,
            "\x1b[31m.jpg",
            "a//b.jpg",
            "é\ud800.jpg",
        )
    )
    entries = [entry for entry in _entries(tree) if any(field in entry for field in _PATH_FIELDS)]
    if entries:
        entry = rng.choice(entries)
        field = next(field for field in _PATH_FIELDS if field in entry)
        entry[field] = [value] * 3 if isinstance(entry[field], list) else value
    path.write_bytes(json.dumps(tree).encode())
    return f"file name {value[:20]!r}"


def _outline(rng: random.Random, root: Path) -> str:
    """Outlines and runs that do not fit, or are garbage."""
    path = _annotation_file(root)
    tree = _loaded(path)
    entries = [
        entry for entry in _entries(tree) if {"segmentation", "segmentations", "bbox", "id"} & entry.keys()
    ]
    if not entries:
        return "no outline"
    entry = rng.choice(entries)
    field = rng.choice(
        sorted({"segmentation", "segmentations", "bbox", "id", "iscrowd", "area"} & entry.keys())
    )
    value = rng.choice(
        [
            *hostile_values(),
            {
                "size": [24, 32],
                "counts": rng.choice(("`", "\x7f" * 50, "0" * 10_000, "P" * 300, "\ud800", "")),
            },
            {
                "size": [24, 32],
                "counts": [rng.choice((0, 1, 768, 2**31, -1, 1.5, None, "1")) for _ in range(4)],
            },
            {
                "size": rng.choice(([32, 24], [0, 0], [24], [24, 32, 1], [2**31, 2], ["24", 32])),
                "counts": [768],
            },
            [[rng.uniform(-50, 90) for _ in range(rng.choice((4, 5, 6, 8, 3000)))]],
        ]
    )
    entry[field] = [value] * 3 if field == "segmentations" else value
    path.write_bytes(json.dumps(tree).encode("utf-8", "surrogatepass"))
    return f"{field} {ascii(value)[:60]}"


def _entries(tree):
    if isinstance(tree, dict):
        yield tree
    for inner in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _entries(inner)


def _pictures(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.suffix in (".png", ".jpg") and path.is_file())


def _mask(rng: random.Random, root: Path) -> str:
    """A picture of another size, mode or format, or damaged."""
    pictures = _pictures(root)
    if not pictures:
        return "no picture"
    path = rng.choice(pictures)
    action = rng.choice(("damage", "other", "size", "mode", "turned"))
    if action == "damage":
        data, note = damaged(rng, path.read_bytes() or b"x")
        path.write_bytes(data)
        return f"{path.name} {note}"
    if action == "other":
        path.write_bytes(image_bytes(rng)[0])
        return f"another picture for {path.name}"
    mode = rng.choice(("RGB", "RGBA", "L", "LA", "P", "1", "I;16")) if action == "mode" else "RGB"
    size = rng.choice(((33, 24), (24, 32), (1, 1), (3000, 3000))) if action == "size" else (32, 24)
    if mode == "I;16":
        picture = Image.fromarray(np.zeros(size[::-1], np.uint16))
    else:
        picture = Image.frombytes("RGB", size, rng.randbytes(3 * size[0] * size[1])).convert(mode)
    tags = Image.Exif()
    if action == "turned":
        tags[0x0112] = rng.randint(0, 9)
    jpeg = path.suffix == ".jpg" and mode not in ("RGBA", "LA", "P", "I;16")
    picture.save(path, format="JPEG" if jpeg else "PNG", exif=tags)
    return f"{path.name} {action} {mode} {size}"


def _file(rng: random.Random, root: Path) -> str:
    """Something else in the place of a file."""
    pictures = _pictures(root)
    path = rng.choice([*pictures, _annotation_file(root)]) if pictures else _annotation_file(root)
    action = rng.choice(
        ("missing", "link out", "link within", "loop", "fifo", "folder", "no file of its kind")
    )
    data = path.read_bytes()
    path.unlink()
    if action == "link out":
        path.symlink_to("/etc/passwd")
    elif action == "link within":
        (path.parent / "elsewhere").write_bytes(data)
        path.symlink_to("elsewhere")
    elif action == "loop":
        path.symlink_to(path.name)
    elif action == "fifo":
        os.mkfifo(path)
    elif action == "folder":
        path.mkdir()
    elif action == "no file of its kind":
        path.write_bytes(rng.choice(NOT_A_FILE_OF_ITS_KIND))
    elif path.suffix == ".json":
        # Without its annotations a folder is no data set at all, which says little.
        path.write_bytes(data[: len(data) // 2])
    return f"{path.name} {action}"


_EDITS = (_json, _json, _json, _json, _json_bytes, _path, _outline, _outline, _mask, _file)
