"""Hostile images: of every format that Pillow writes, in odd modes, with odd tags, and damaged."""

from __future__ import annotations

import io
import random
import shutil
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from tests.fuzz.case import INPUTS, OUT, Case, Material
from tests.fuzz.mutations import HUGE, NOT_A_FILE_OF_ITS_KIND, damaged, odd_stem, shown, spliced

FORMATS = {
    "JPEG": (".jpg", ("RGB", "L", "CMYK")),
    "PNG": (".png", ("RGB", "L", "LA", "RGBA", "P", "1", "I;16", "I")),
    "WEBP": (".webp", ("RGB", "RGBA")),
    "TIFF": (".tif", ("RGB", "L", "LA", "RGBA", "P", "1", "I;16", "I", "F", "CMYK", "YCbCr", "LAB")),
    "GIF": (".gif", ("P", "L", "RGB")),
    "BMP": (".bmp", ("RGB", "L", "P", "1", "RGBA")),
    "PPM": (".ppm", ("RGB", "L", "1", "I;16")),
    "AVIF": (".avif", ("RGB", "RGBA")),
}
SUFFIXES = (
    ".jpg",
    ".png",
    ".webp",
    ".tif",
    ".gif",
    ".bmp",
    ".ppm",
    ".avif",
    ".jpeg",
    ".JPG",
    ".pgm",
    ".heic",
    "",
)
TAGS = (0x0112, 0x010E, 0x011A, 0x0132, 0x829A, 0x8769, 0x8825, 0x9286, 0x927C, 0xA005, 0xC4A5)


def make(rng: random.Random, folder: Path, material: Material) -> Case:
    """One image, or a folder or a data set with it, for `predict` or `data check`."""
    data, suffix, note = image_bytes(rng)
    if rng.random() < 0.1:
        suffix, note = rng.choice(SUFFIXES), f"{note}, another suffix"
    use = rng.random()
    if use < 0.12:
        return _in_a_data_set(rng, folder, material, data, note)
    path = folder / INPUTS / f"{odd_stem(rng)}{suffix}"
    path.write_bytes(data)
    given = path
    if use < 0.2:
        shutil.copy(material.photo, path.with_name("sound.png"))
        given = path.parent
    prompts = (
        rng.choice((["--point", "3,3"], ["--box", "1,1,9,9"], ["--point", "1e9,-5"])) if use > 0.85 else []
    )
    arguments = (
        "predict",
        str(given),
        "--bundle",
        str(material.bundle),
        "--out",
        str(folder / OUT / "results"),
    )
    as_json = ["--json"] if rng.random() < 0.2 else []
    return Case(
        arguments=(*arguments, *prompts, *as_json),
        note=shown(f"{note} as {path.name}"),
        may_keep=given != path,
    )


def _in_a_data_set(rng: random.Random, folder: Path, material: Material, data: bytes, note: str) -> Case:
    kind = rng.choice(("coco_panoptic", "vipseg", "youtube_vis_2019"))
    root = shutil.copytree(material.folder / "sets" / kind, folder / INPUTS / kind)
    place = rng.choice(sorted(path for path in root.rglob("*") if path.suffix in (".jpg", ".png")))
    place.write_bytes(data)
    return Case(
        arguments=("data", "check", str(root), "--full"),
        note=f"{note} in place of {place.name}",
        may_miss=True,
    )


def image_bytes(rng: random.Random) -> tuple[bytes, str, str]:
    """Makes an image; gives its bytes, the suffix of its format, and what was done to it."""
    if rng.random() < 0.05:
        return rng.choice(NOT_A_FILE_OF_ITS_KIND), rng.choice(SUFFIXES), "no image"
    data, suffix, note = _sound(rng)
    action = rng.random()
    if action < 0.2:
        return data, suffix, f"{note}, undamaged"
    if action < 0.4:
        changed = _other_header(rng, data)
        return changed, suffix, f"{note}, header"
    if action < 0.47:
        other, _, second = _sound(rng)
        return spliced(rng, data, other), suffix, f"{note}, spliced with {second}"
    data, how = damaged(rng, data)
    return data, suffix, f"{note}, {how}"


def _sound(rng: random.Random) -> tuple[bytes, str, str]:
    kind = rng.choice(sorted(FORMATS))
    suffix, modes = FORMATS[kind]
    mode = rng.choice(modes)
    size = (rng.choice((1, 2, 3, 17, 40, 64)), rng.choice((1, 2, 5, 16, 33, 64)))
    picture = _picture(rng, mode, size)
    settings, note = _settings(rng, kind, picture)
    buffer = io.BytesIO()
    try:
        picture.save(buffer, format=kind, **settings)
    except (OSError, ValueError, KeyError, TypeError, struct.error):  # a mode or a tag that this writer lacks
        buffer = io.BytesIO()
        picture.convert("RGB").save(buffer, format=kind)
    return buffer.getvalue(), suffix, f"{kind} {mode} {size[0]}x{size[1]}{note}"


def _picture(rng: random.Random, mode: str, size: tuple[int, int]) -> Image.Image:
    width, height = size
    values = np.frombuffer(rng.randbytes(height * width * 4), np.uint8).reshape(height, width, 4)
    if mode == "I;16":
        return Image.fromarray(values[..., :2].copy().view(np.uint16)[..., 0])
    if mode == "I":
        return Image.fromarray(values.copy().view(np.int32)[..., 0] >> rng.choice((0, 8, 16, 24)))
    if mode == "F":
        return Image.fromarray(values.copy().view(np.float32)[..., 0])
    if mode == "LAB":
        return Image.fromarray(values[..., :3].copy(), mode="LAB")
    return Image.fromarray(values.copy(), mode="RGBA").convert(mode)


def _settings(rng: random.Random, kind: str, picture: Image.Image) -> tuple[dict, str]:
    settings, note = {}, ""
    if kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF") and rng.random() < 0.5:
        # The writers of the last two read the tags themselves, and are upset by odd ones.
        settings["exif"] = _orientation(rng) if kind in ("TIFF", "AVIF") else _exif(rng)
        note += ", EXIF"
    if kind in ("GIF", "WEBP", "TIFF", "PNG") and rng.random() < 0.25:
        other = picture.resize((rng.choice((1, 8, 90)), 7)) if kind == "TIFF" else picture.copy()
        settings |= {"save_all": True, "append_images": [other] * rng.choice((1, 3))}
        note += ", several frames"
    if kind in ("JPEG", "PNG", "WEBP", "TIFF") and rng.random() < 0.2:
        settings["icc_profile"] = rng.randbytes(rng.choice((1, 128, 3000)))
        note += ", colour profile"
    if kind == "TIFF":
        # libtiff itself is upset by some tags, and by group 4 for more than one bit.
        packed = ("raw",) if "exif" in settings else ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits")
        settings["compression"] = rng.choice(packed) if picture.mode != "1" else "group4"
        if settings["compression"] != "raw":
            settings.pop("exif", None)
    if kind == "PNG":
        if rng.random() < 0.3:
            settings["transparency"] = rng.choice((0, 255, 70_000, (1, 2, 3), b"\0\xff", b""))
            note += ", tRNS"
        if rng.random() < 0.3:
            texts = PngImagePlugin.PngInfo()
            texts.add_text(
                rng.choice(("Comment", "x" * 79)), "\x1b[31m" * rng.choice((1, 5000)), zip=rng.random() < 0.5
            )
            settings["pnginfo"] = texts
    if kind == "JPEG":
        settings |= {"progressive": rng.random() < 0.3, "quality": rng.choice((1, 50, 95))}
    return settings, note


def _orientation(rng: random.Random) -> Image.Exif:
    tags = Image.Exif()
    tags[0x0112] = rng.randint(0, 9)
    return tags


def _exif(rng: random.Random) -> bytes:
    """Entries of tags by any type, count and value, among them the orientation."""
    order = rng.choice("<>")
    entries = []
    for tag in {0x0112, *rng.choices(TAGS, k=3)}:
        sound = tag == 0x0112 and rng.random() < 0.6
        kind = 3 if sound else rng.choice((0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 13, 99))
        count = 1 if sound else rng.choice((0, 1, 1, 2, 100, 2**31, 2**32 - 1))
        value = (
            struct.pack(f"{order}HH", rng.randint(0, 9), 0)
            if sound
            else rng.choice((bytes(4), rng.randbytes(4)))
        )
        entries.append(struct.pack(f"{order}HHI", tag, kind, count) + value)
    count = len(entries) if rng.random() < 0.85 else rng.choice((0, 1000, 65_535))
    following = rng.choice((0, 0, 8, 2**31))
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        f"{order}I", rng.choice((8, 8, 8, 0, 4, 10**6))
    )
    body = struct.pack(f"{order}H", count) + b"".join(entries) + struct.pack(f"{order}I", following)
    return b"Exif\0\0" + start + body + rng.randbytes(rng.choice((0, 40)))


def _other_header(rng: random.Random, data: bytes) -> bytes:
    """Another width, height, depth or number of chunks, with check sums that hold."""
    buffer = bytearray(data)
    if data.startswith(b"\x89PNG"):
        return _other_png(rng, data)
    if data.startswith(b"\xff\xd8"):
        place = next(
            (at for at in range(len(data) - 9) if data[at] == 0xFF and data[at + 1] in (0xC0, 0xC2)), None
        )
        if place is not None:
            struct.pack_into(">H", buffer, place + rng.choice((5, 7)), rng.choice(HUGE) & 0xFFFF)
            return bytes(buffer)
    if data[:1] == b"P" and data[1:2].isdigit():
        sizes = rng.choice(
            (b"0 0", b"-1 5", b"99999 99999", b"1" * 5000 + b" 1", b"2 2 # \x1b[31m\n", b"1e3 7")
        )
        return (
            data[:2] + b"\n" + sizes + b"\n" + rng.choice((b"255", b"0", b"65536", b"1")) + b"\n" + data[15:]
        )
    place = rng.randrange(min(len(data) - 4, 60))
    struct.pack_into(rng.choice(("<I", ">I")), buffer, place, rng.choice(HUGE))
    return bytes(buffer)


def _other_png(rng: random.Random, data: bytes) -> bytes:
    chunks, at = [], 8
    while at + 8 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        chunks.append([data[at + 4 : at + 8], bytearray(data[at + 8 : at + 8 + size])])
        at += 12 + size
    action = rng.choice(("size", "size", "size", "order", "remove", "double", "content", "bomb"))
    place = rng.randrange(len(chunks))
    if action == "size":
        struct.pack_into(">I", chunks[0][1], rng.choice((0, 4)), rng.choice(HUGE))
    elif action == "order":
        rng.shuffle(chunks)
    elif action == "remove":
        del chunks[place]
    elif action == "double":
        chunks.insert(rng.randrange(len(chunks) + 1), chunks[place])
    elif action == "content" and chunks[place][1]:
        chunks[place][1][rng.randrange(len(chunks[place][1]))] = rng.randrange(256)
    else:
        chunks.insert(1, [b"iTXt", bytearray(b"x\0\1\0\0\0" + zlib.compress(bytes(80_000_000), 9))])
    written = [
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    ]
    return data[:8] + b"".join(written)
