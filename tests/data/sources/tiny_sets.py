"""Data sets of a few tiny images, in the exact layout and with all the fields that their owners publish."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from rapsam.data.sources.faults import DataSetError
from rapsam.data.sources.opened import OpenedSource

HEIGHT, WIDTH = 24, 32
SIZE = (HEIGHT, WIDTH)
PERSON, ORANGE, SKY, WOOD_WALL = 1, 55, 187, 177

COCO_CATEGORIES = [
    {"supercategory": "sky", "isthing": 0, "id": SKY, "name": "sky-other-merged", "color": [70, 130, 180]},
    {"supercategory": "wall", "isthing": 0, "id": WOOD_WALL, "name": "wall-wood", "color": [107, 255, 200]},
    {"supercategory": "food", "isthing": 1, "id": ORANGE, "name": "orange", "color": [255, 109, 65]},
    {"supercategory": "person", "isthing": 1, "id": PERSON, "name": "person", "color": [220, 20, 60]},
]
COCO_LABELS = ["person", "orange fruit", "wood wall", "sky"]

# Ids of the first two images; the third has no segment at all.
BIG_ID = 200 + 256 * 100 + 65536 * 50
PANOPTIC_IDS = np.zeros((3, *SIZE), np.int32)
PANOPTIC_IDS[0, :10] = 5_000
PANOPTIC_IDS[0, 10:, :20] = BIG_ID
PANOPTIC_IDS[0, 12:20, 4:12] = 7
PANOPTIC_IDS[1, 4:9, 3:30] = 300
PANOPTIC_IDS[1, 12:20, 10:25] = 9


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def edit_json(path: Path, change: Callable[[Any], object]) -> None:
    """Lets a function change the content of a JSON file in place."""
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def refusal(source: OpenedSource) -> DataSetError:
    """Returns the first fault of the first image or video, the same from `check` and `read`."""
    by_check, by_read = first_fault(lambda: source.check(0)), first_fault(lambda: source.read(0).faults)
    assert str(by_check) == str(by_read)
    return by_read


def first_fault(look: Callable[[], Sequence[DataSetError]]) -> DataSetError:
    """Returns what makes an image unusable, or else the fault of the first annotation that was left out."""
    try:
        faults = look()
    except DataSetError as fault:
        return fault
    assert faults
    return faults[0]


def write_photo(path: Path, seed: int, size: tuple[int, int] = SIZE, **settings: Any) -> np.ndarray:
    """Writes a smooth JPEG and gives its pixels as they are decoded."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), np.uint8)
    picture = Image.fromarray(coarse).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    picture.save(path, format="JPEG", quality=95, **settings)
    return np.array(Image.open(path).convert("RGB"))


def write_ids(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    colours = np.stack([ids % 256, ids // 256 % 256, ids // 65536], axis=-1).astype(np.uint8)
    Image.fromarray(colours).save(path)


def segment_entry(ids: np.ndarray, value: int, category_id: int, iscrowd: int = 0) -> dict[str, Any]:
    rows, columns = np.nonzero(ids == value)
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1] if len(rows) else [0, 0, 0, 0]
    return {
        "id": value,
        "category_id": category_id,
        "iscrowd": iscrowd,
        "bbox": [int(side) for side in box],
        "area": len(rows),
    }


def image_entry(key: int | str, file_name: str) -> dict[str, Any]:
    return {
        "license": 2,
        "file_name": file_name,
        "coco_url": f"http://images.cocodataset.org/val2017/{file_name}",
        "height": HEIGHT,
        "width": WIDTH,
        "date_captured": "2013-11-20 00:06:32",
        "id": key,
    }


def write_coco_panoptic(root: Path, split: str = "val") -> np.ndarray:
    """Writes three images, the second with a crowd, the third without segments; gives their pixels."""
    names = [f"{key:012d}" for key in (139, 285, 632)]
    segments = [
        [(5_000, SKY, 0), (BIG_ID, WOOD_WALL, 0), (7, PERSON, 0)],
        [(300, PERSON, 1), (9, ORANGE, 0)],
        [],
    ]
    for name, ids in zip(names, PANOPTIC_IDS, strict=True):
        write_ids(root / f"annotations/panoptic_{split}2017/{name}.png", ids)
    write_json(
        root / f"annotations/panoptic_{split}2017.json",
        {
            "info": {"description": "COCO 2018 Panoptic Dataset", "year": 2018},
            "licenses": [{"id": 2, "name": "Attribution-NonCommercial License"}],
            "images": [image_entry(int(name), f"{name}.jpg") for name in names],
            # The order of annotations is not that of the images.
            "annotations": [
                {
                    "segments_info": [
                        segment_entry(PANOPTIC_IDS[place], *entry) for entry in segments[place]
                    ],
                    "file_name": f"{names[place]}.png",
                    "image_id": int(names[place]),
                }
                for place in (1, 0, 2)
            ],
            "categories": COCO_CATEGORIES,
        },
    )
    return np.stack([write_photo(root / f"{split}2017/{name}.jpg", seed) for seed, name in enumerate(names)])


def compressed(mask: np.ndarray) -> dict[str, Any]:
    coded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return {"size": list(mask.shape), "counts": coded["counts"].decode()}


def uncompressed(mask: np.ndarray) -> dict[str, Any]:
    """Runs down the columns, false first, as COCO's crowds have them."""
    values = mask.T.reshape(-1)
    ends = np.flatnonzero(np.diff(values)) + 1
    runs = np.diff(np.concatenate([[0], ends, [len(values)]])).tolist()
    return {"size": list(mask.shape), "counts": [0, *runs] if values[0] else runs}


def block(rows: slice, columns: slice) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[rows, columns] = True
    return mask


# Of the first image: a polygon, a crowd that overlaps it, and compressed runs; the second has none.
INSTANCE_MASKS = np.stack(
    [
        block(slice(4, 12), slice(6, 20)),
        block(slice(8, 24), slice(0, 10)),
        block(slice(0, 1), slice(0, 32)),
    ]
)


def write_coco_instances(root: Path, split: str = "val") -> np.ndarray:
    """Writes two images, the first with three objects; gives their pixels."""
    outlines = [
        [[6, 4, 20, 4, 20, 12, 6, 12]],
        uncompressed(INSTANCE_MASKS[1]),
        compressed(INSTANCE_MASKS[2]),
    ]
    names = ["000000000139.jpg", "000000000285.jpg"]
    write_json(
        root / f"annotations/instances_{split}2017.json",
        {
            "info": {"description": "COCO 2017 Dataset"},
            "licenses": [],
            "images": [image_entry(int(name[:-4]), name) for name in names],
            "annotations": [
                {
                    "segmentation": outlines[place],
                    "area": float(INSTANCE_MASKS[place].sum()),
                    "iscrowd": int(place == 1),
                    "image_id": 139,
                    "bbox": [6.0, 4.0, 14.0, 8.0],
                    "category_id": (PERSON, ORANGE, PERSON)[place],
                    "id": 900100000000 + place,
                }
                for place in range(3)
            ],
            "categories": [
                {key: value for key, value in category.items() if key in ("supercategory", "id", "name")}
                for category in COCO_CATEGORIES
                if category["isthing"]
            ],
        },
    )
    return np.stack([write_photo(root / f"{split}2017/{name}", seed) for seed, name in enumerate(names)])


# Two objects in the three frames of the first video; the second is not seen in the second frame.
TRACK_MASKS = np.zeros((2, 3, *SIZE), bool)
for _frame in range(3):
    TRACK_MASKS[0, _frame, 2:10, 3 + 4 * _frame : 12 + 4 * _frame] = True
TRACK_MASKS[1, 0, 15:, 20:] = TRACK_MASKS[1, 2, 18:, 22:] = True


def write_youtube_vis(root: Path, split: str = "train", *, beside: bool = True) -> np.ndarray:
    """Writes two videos, the second without objects; gives the frames of the first.

    Args:
        root: Where to.
        split: As in "train".
        beside: Whether the JSON lies beside the folder of frames (2019) or in it (2021).
    """
    frames = [
        write_photo(root / f"{split}/JPEGImages/0043f083b5/{5 * frame:05d}.jpg", frame) for frame in range(3)
    ]
    write_photo(root / f"{split}/JPEGImages/00f88c4f0a/00000.jpg", 9)
    seen = TRACK_MASKS.any(axis=(2, 3))
    write_json(
        root / (f"{split}.json" if beside else f"{split}/instances.json"),
        {
            "info": {"description": "Youtube-VOS", "year": 2019, "version": "1.0"},
            "licenses": [{"url": "https://creativecommons.org/licenses/by/4.0/", "id": 1}],
            "videos": [
                {
                    "width": WIDTH,
                    "length": len(names),
                    "date_captured": "2019-04-11 00:18:45.652544",
                    "license": 1,
                    "flickr_url": "",
                    "file_names": names,
                    "id": key,
                    "coco_url": "",
                    "height": HEIGHT,
                }
                for key, names in (
                    (1, [f"0043f083b5/{5 * frame:05d}.jpg" for frame in range(3)]),
                    (2, ["00f88c4f0a/00000.jpg"]),
                )
            ],
            "categories": [
                {"supercategory": "object", "id": 1, "name": "person"},
                {"supercategory": "object", "id": 2, "name": "giant_panda"},
                {"supercategory": "object", "id": 6, "name": "sedan"},
            ],
            "annotations": [
                {
                    "height": HEIGHT,
                    "width": WIDTH,
                    "length": 1,
                    "category_id": (2, 6)[track],
                    "segmentations": [
                        uncompressed(TRACK_MASKS[track, frame]) if seen[track, frame] else None
                        for frame in range(3)
                    ],
                    "bboxes": [[0.0, 0.0, 5.0, 5.0] if seen[track, frame] else None for frame in range(3)],
                    "video_id": 1,
                    "iscrowd": 0,
                    "id": track + 1,
                    "areas": [50 if seen[track, frame] else None for frame in range(3)],
                }
                for track in range(2)
            ],
        },
    )
    return np.stack(frames)


# Stuff 10 covers the image; thing 20 is painted over it, thing 30 over all of stuff 40.
ADE_IDS = np.full(SIZE, 10, np.int32)
ADE_IDS[5:10, 5:15] = 20
ADE_IDS[:3] = 30


def write_ade20k(root: Path, split: str = "train") -> np.ndarray:
    """Writes one image of which a listed stuff region was painted over; gives its pixels."""
    folder = {"train": "training", "val": "validation"}[split]
    name = f"ADE_{split}_00000001"
    write_ids(root / f"ade20k_panoptic_{split}/{name}.png", ADE_IDS)
    entries = [(10, 0), (40, 2), (20, 12), (30, 20)]
    write_json(
        root / f"ade20k_panoptic_{split}.json",
        {
            "images": [{"id": name, "file_name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT}],
            "annotations": [
                {
                    "image_id": name,
                    "file_name": f"{name}.png",
                    "segments_info": [segment_entry(ADE_IDS, *entry) for entry in entries],
                }
            ],
            "categories": [
                {"name": "wall", "id": 0, "isthing": 0, "color": [120, 120, 120]},
                {"name": "sky", "id": 2, "isthing": 0, "color": [6, 230, 230]},
                {"name": "window ", "id": 8, "isthing": 1, "color": [230, 230, 230]},
                {"name": "person", "id": 12, "isthing": 1, "color": [150, 5, 61]},
                {"name": "car", "id": 20, "isthing": 1, "color": [0, 102, 200]},
            ],
        },
    )
    return write_photo(root / f"images/{folder}/{name}.jpg", 3)


# Ids of two frames of one video: a wall, a person that leaves, and a dog that comes.
VIPSEG_WALL, VIPSEG_PERSON, VIPSEG_DOG = 120 + 256 * 120 + 65536 * 120, 11 + 256 * 200 + 65536 * 200, 65_280
VIPSEG_IDS = np.full((2, *SIZE), VIPSEG_WALL, np.int32)
VIPSEG_IDS[:, :4] = 0
VIPSEG_IDS[0, 8:20, 2:10] = VIPSEG_PERSON
VIPSEG_IDS[1, 8:20, 20:30] = VIPSEG_DOG


def write_vipseg(root: Path, split: str = "val") -> np.ndarray:
    """Writes one video of two frames; gives their pixels."""
    video, names = "1007_PSrKSNkJ6bI", ["00000486", "00000491"]
    for name, ids in zip(names, VIPSEG_IDS, strict=True):
        write_ids(root / f"panomasksRGB/{video}/{name}.png", ids)
    categories = {VIPSEG_WALL: 0, VIPSEG_PERSON: 60, VIPSEG_DOG: 62}
    write_json(
        root / f"panoptic_gt_VIPSeg_{split}.json",
        {
            "videos": [
                {
                    "video_id": video,
                    "images": [
                        {"id": name, "width": WIDTH, "height": HEIGHT, "file_name": f"{name}.png"}
                        for name in names
                    ],
                }
            ],
            "annotations": [
                {
                    "video_id": video,
                    "annotations": [
                        {
                            "image_id": name,
                            "file_name": f"{name}.png",
                            "segments_info": [
                                {"id": value, "category_id": category, "iscrowd": 0, "area": 5}
                                for value, category in categories.items()
                                if (ids == value).any()
                            ],
                        }
                        for name, ids in zip(names, VIPSEG_IDS, strict=True)
                    ],
                }
            ],
            "categories": [
                {"id": 0, "name": "wall", "isthing": 0, "color": [120, 120, 120]},
                {"id": 58, "name": "traffic_light", "isthing": 0, "color": [0, 173, 255]},
                {"id": 60, "name": "person", "isthing": 1, "color": [11, 200, 200]},
                {"id": 62, "name": "dog", "isthing": 1, "color": [0, 255, 245]},
            ],
        },
    )
    frames = [write_photo(root / f"images/{video}/{name}.jpg", seed) for seed, name in enumerate(names)]
    return np.stack(frames)


# Of the second image by number: a region, one within it, and one that overlaps both; the first has none.
REGION_MASKS = np.stack(
    [
        block(slice(2, 20), slice(4, 28)),
        block(slice(6, 12), slice(8, 16)),
        block(slice(10, 24), slice(12, 32)),
    ]
)
REGION_IDS = [523353737, 523353736, 523353740]


def region_entry(mask: np.ndarray, key: int) -> dict[str, Any]:
    rows, columns = np.nonzero(mask)
    box = [float(columns.min()), float(rows.min()), float(np.ptp(columns)), float(np.ptp(rows))]
    return {
        "bbox": box,
        "area": int(mask.sum()),
        "segmentation": compressed(mask),
        "predicted_iou": 0.9237,
        "point_coords": [[float(columns[0]), float(rows[0])]],
        "crop_box": [0.0, 0.0, float(mask.shape[1]), float(mask.shape[0])],
        "id": key,
        "stability_score": 0.9673,
    }


def write_sa1b_image(folder: Path, number: int, masks: Sequence[np.ndarray] = ()) -> np.ndarray:
    """Writes an image and the regions in it; gives its pixels."""
    write_json(
        folder / f"sa_{number}.json",
        {
            "image": {
                "image_id": number,
                "width": WIDTH,
                "height": HEIGHT,
                "file_name": f"sa_{number}.jpg",
            },
            "annotations": [region_entry(*pair) for pair in zip(masks, REGION_IDS, strict=False)],
        },
    )
    return write_photo(folder / f"sa_{number}.jpg", number)


def write_sa1b(root: Path) -> np.ndarray:
    """Writes two images, of which the names say another order than the numbers; gives their pixels."""
    return np.stack([write_sa1b_image(root, 9), write_sa1b_image(root, 10, REGION_MASKS)])
