"""Hostile videos: of most containers that PyAV writes, with odd times and streams, and damaged."""

from __future__ import annotations

import random
import shutil
import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from tests.fuzz.case import INPUTS, OUT, Case, Material
from tests.fuzz.mutations import HUGE, NOT_A_FILE_OF_ITS_KIND, damaged, odd_stem, shown, spliced

CONTAINERS = {
    ".mp4": ("mp4", ("mpeg4", "libx264", "mjpeg", "mpeg2video")),
    ".mov": ("mov", ("mpeg4", "libx264", "mjpeg", "png", "rawvideo")),
    ".mkv": ("matroska", ("mpeg4", "libx264", "ffv1", "mjpeg", "png")),
    ".webm": ("webm", ("libvpx", "libvpx-vp9")),
    ".avi": ("avi", ("mpeg4", "mjpeg", "huffyuv", "rawvideo")),
    ".ts": ("mpegts", ("mpeg2video", "libx264")),
    ".mpg": ("mpeg", ("mpeg2video",)),
    ".flv": ("flv", ("flv",)),
    ".wmv": ("asf", ("wmv2",)),
    ".nut": ("nut", ("ffv1", "mpeg4")),
}
PIXELS = {
    "mjpeg": "yuvj420p",
    "png": "rgb24",
    "huffyuv": "yuv422p",
    "rawvideo": "yuv420p",
    **dict.fromkeys(
        ("mpeg4", "libx264", "mpeg2video", "ffv1", "libvpx", "libvpx-vp9", "flv", "wmv2"), "yuv420p"
    ),
}
SIZES = ((16, 16), (32, 48), (64, 40), (17, 33), (96, 64), (2, 2))
RATES = (Fraction(1, 3), Fraction(10), Fraction(25), Fraction(30_000, 1001), Fraction(1000), Fraction(90_000))
_ATOMS = (
    b"tkhd",
    b"mdhd",
    b"mvhd",
    b"stsd",
    b"stts",
    b"stsz",
    b"stco",
    b"stsc",
    b"ctts",
    b"elst",
    b"avcC",
    b"hdlr",
)
_PLAYLISTS = (
    "#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "ffconcat version 1.0\nfile '{photo}'\nfile 'tcp://127.0.0.1:{port}'\n",
    "<?xml version='1.0'?><MPD><BaseURL>http://127.0.0.1:{port}/</BaseURL></MPD>",
    "rtsp://127.0.0.1:{port}/a",
)


def make(rng: random.Random, folder: Path, material: Material) -> Case:
    """One video, or a folder with it, for `predict`."""
    data, suffix, note = video_bytes(rng, folder, material)
    if rng.random() < 0.12:
        suffix, note = rng.choice((*CONTAINERS, ".m4v", ".MP4", ".mpeg", ".mts")), f"{note}, another suffix"
    path = folder / INPUTS / f"{odd_stem(rng)}{suffix if suffix != '.nut' else '.mkv'}"
    path.write_bytes(data)
    given = path
    if rng.random() < 0.06:
        shutil.copy(material.photo, path.with_name("sound.png"))
        given = path.parent
    arguments = (
        "predict",
        str(given),
        "--bundle",
        str(material.bundle),
        "--out",
        str(folder / OUT / "results"),
    )
    more = rng.choice(([], [], ["--json"], ["--min-score", "1"], ["--min-score", "0"]))
    return Case(arguments=(*arguments, *more), note=shown(f"{note} as {path.name}"), may_keep=given != path)


def video_bytes(rng: random.Random, folder: Path, material: Material) -> tuple[bytes, str, str]:
    """Makes a video; gives its bytes, the suffix of its container, and what was done to it."""
    chance = rng.random()
    if chance < 0.04:
        return rng.choice(NOT_A_FILE_OF_ITS_KIND), rng.choice(sorted(CONTAINERS)), "no video"
    if chance < 0.08:
        text = rng.choice(_PLAYLISTS).format(port=material.port, photo=material.photo)
        return text.encode(), rng.choice(sorted(CONTAINERS)), "a playlist"
    if chance < 0.14:
        return _raw(rng)
    data, suffix, note = _sound(rng, folder)
    if chance < 0.34:
        return data, suffix, f"{note}, undamaged"
    if chance < 0.54 and suffix in (".mp4", ".mov"):
        return _other_atom(rng, data), suffix, f"{note}, an atom"
    if chance < 0.62:
        other, _, second = _sound(rng, folder)
        joined = data + other if rng.random() < 0.5 else spliced(rng, data, other)
        return joined, suffix, f"{note}, joined with {second}"
    data, how = damaged(rng, data)
    return data, suffix, f"{note}, {how}"


def _sound(rng: random.Random, folder: Path) -> tuple[bytes, str, str]:
    suffix = rng.choice(sorted(CONTAINERS))
    container, codecs = CONTAINERS[suffix]
    codec, size, rate = rng.choice(codecs), rng.choice(SIZES), rng.choice(RATES)
    if codec not in (
        "ffv1",
        "png",
        "mjpeg",
        "rawvideo",
    ):  # encoders that know even sides only, and larger ones
        size = (max(size[0] & ~1, 16), max(size[1] & ~1, 16))
    if codec in ("mpeg2video", "mpeg4", "flv"):
        rate = rng.choice((Fraction(10), Fraction(25), Fraction(30_000, 1001)))
    path = folder / f"{INPUTS}/making{suffix}"
    extras = [name for name in ("second", "text", "cover") if rng.random() < 0.15]
    times = rng.choice(("even", "even", "uneven", "equal", "backwards", "far", "negative", "none"))
    try:
        _write(rng, path, container, codec, size, rate, times, extras)
    except (av.error.FFmpegError, ValueError, OverflowError) as error:
        # A mixture that this container cannot hold: a plain one of another can.
        path.unlink(missing_ok=True)
        suffix, container, codec, times, extras = ".mp4", "mp4", "mpeg4", "even", [type(error).__name__]
        path = path.with_suffix(suffix)
        _write(rng, path, container, codec, (32, 48), Fraction(25), times, [])
    data = path.read_bytes()
    path.unlink()
    return (
        data,
        suffix,
        f"{container} {codec} {size[0]}x{size[1]} rate {rate} times {times} {' '.join(extras)}",
    )


def _write(rng, path: Path, container: str, codec: str, size, rate: Fraction, times: str, extras) -> None:
    flags = rng.choice((None, "faststart", "frag_keyframe+empty_moov"))
    options = {"movflags": flags} if flags and container in ("mp4", "mov") else {}
    with av.open(str(path), "w", format=container, options=options) as output:
        names = [codec, rng.choice(CONTAINERS[path.suffix][1])] if "second" in extras else [codec]
        streams = []
        for place, name in enumerate(names):
            stream = output.add_stream(name, rate=rate if place == 0 else Fraction(25))
            stream.height, stream.width = size if place == 0 else (32, 32)
            stream.pix_fmt = PIXELS[name]
            if times != "even":
                stream.codec_context.time_base = Fraction(1, 1000)
            streams.append(stream)
        if "cover" in extras and container in ("mp4", "mov", "matroska"):
            streams[-1].disposition = av.stream.Disposition.attached_pic
        if "text" in extras:
            output.metadata.update(title="\x1b[31mred\nline", comment="x" * 70_000, rotate="90")
        counts = [rng.choice((1, 1, 2, 5, 9)) for _ in streams]
        for stream, count in zip(streams, counts, strict=True):
            for number in range(count):
                frame = _frame(rng, stream.height, stream.width)
                _set_time(rng, frame, times, number)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))


def _frame(rng: random.Random, height: int, width: int) -> VideoFrame:
    pixels = np.frombuffer(rng.randbytes(height * width * 3), np.uint8).reshape(height, width, 3)
    return VideoFrame.from_ndarray(pixels.copy(), format="rgb24")


def _set_time(rng: random.Random, frame: VideoFrame, times: str, number: int) -> None:
    if times == "even":
        return
    frame.time_base = Fraction(1, 1000)
    frame.pts = {
        "uneven": number * 40 + rng.randrange(40),
        "equal": 0,
        "backwards": 1000 - 100 * number,
        "far": number * 10**9,
        "negative": number * 40 - 500,
        "none": None,
    }[times]


def _raw(rng: random.Random) -> tuple[bytes, str, str]:
    """Formats that are nearly text: sizes and rates that lie, and sizes that change from frame to frame."""
    if rng.random() < 0.5:
        height, width = rng.choice(SIZES)
        sides = rng.choice(
            (f"W{width} H{height}", f"W{width} H99999", "W0 H0", "W-1 H16", f"W{'9' * 400} H2")
        )
        rate = rng.choice(("F25:1", "F0:0", "F1:0", "F-1:1", "F999999999:1", "F1:999999999"))
        frame = b"FRAME\n" + rng.randbytes(height * width * 3 // 2)
        data = f"YUV4MPEG2 {sides} {rate} Ip A1:1 C420jpeg\n".encode() + frame * rng.choice((0, 1, 3))
        return data[: rng.choice((len(data), len(data) - 5))], ".mp4", f"y4m {sides[:30]} {rate}"
    from io import BytesIO

    from PIL import Image

    data = b""
    for _ in range(rng.randint(1, 4)):
        buffer = BytesIO()
        side = rng.choice(SIZES)
        Image.frombytes("RGB", side, rng.randbytes(side[0] * side[1] * 3)).save(buffer, format="JPEG")
        data += buffer.getvalue()
    return data, rng.choice((".avi", ".mp4", ".mkv")), "JPEGs of different sizes in a row"


def _other_atom(rng: random.Random, data: bytes) -> bytes:
    """A size, a count, a time or a matrix of an MP4 that lies."""
    buffer = bytearray(data)
    present = [atom for atom in _ATOMS if atom in data]
    if not present:
        return bytes(buffer)
    atom = rng.choice(present)
    start = data.index(atom)
    if atom == b"tkhd" and rng.random() < 0.7:
        numbers = [
            rng.choice((0, 1, 65_536, -65_536, 32_768, 2**30, -(2**31), 2**31 - 1, 46_341)) for _ in range(9)
        ]
        struct.pack_into(">9i", buffer, min(start + 44, len(buffer) - 36), *numbers)
        return bytes(buffer)
    place = rng.choice((start - 4, start + 4, start + 8, start + 12, start + 16, start + 20))
    if place + 4 <= len(buffer):
        struct.pack_into(">I", buffer, place, rng.choice(HUGE))
    if atom == b"stsd" and rng.random() < 0.5:
        buffer[start + 16 : start + 20] = rng.choice((b"zzzz", b"\0\0\0\0", b"av01", b"ap4h", b"\x1b[1m"))
    return bytes(buffer)
