"""Damage to bytes that every kind of file can suffer, and names that every kind of file can have."""

from __future__ import annotations

import os
import random
import struct
from collections.abc import Callable

HUGE = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_SHOWN = 3


def flip_bits(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def flip_early_bits(rng: random.Random, data: bytearray) -> None:
    for _ in range(rng.choice((1, 2, 4))):
        data[rng.randrange(min(len(data), 128))] ^= 1 << rng.randrange(8)


def truncate(rng: random.Random, data: bytearray) -> None:
    del data[rng.randrange(len(data)) :]


def overwrite(rng: random.Random, data: bytearray) -> None:
    start, count = rng.randrange(len(data)), rng.choice((1, 2, 4, 16, 200))
    fill = rng.choice((b"\0", b"\xff", b"\x80", rng.randbytes(1)))
    data[start : start + count] = fill * min(count, len(data) - start)


def write_number(rng: random.Random, data: bytearray) -> None:
    """A size, an offset or a count that lies."""
    kind = rng.choice(("<H", ">H", "<I", ">I", "<Q", ">Q"))
    width = struct.calcsize(kind)
    if len(data) > width:
        start = rng.randrange(min(len(data) - width, 4096))
        struct.pack_into(kind, data, start, rng.choice(HUGE) % (1 << (8 * width)))


def remove_part(rng: random.Random, data: bytearray) -> None:
    start = rng.randrange(len(data))
    del data[start : start + rng.choice((1, 4, 12, 100, 1000))]


def repeat_part(rng: random.Random, data: bytearray) -> None:
    start = rng.randrange(len(data))
    part = bytes(data[start : start + rng.choice((1, 8, 64, 512))])
    place = rng.randrange(len(data) + 1)
    data[place:place] = part * rng.choice((1, 2, 20))


def insert_noise(rng: random.Random, data: bytearray) -> None:
    place = rng.randrange(len(data) + 1)
    data[place:place] = rng.randbytes(rng.choice((1, 3, 16, 300)))


BYTE_MUTATIONS: tuple[Callable[[random.Random, bytearray], None], ...] = (
    *(flip_bits, flip_bits, flip_early_bits, truncate, overwrite, write_number, write_number),
    *(remove_part, repeat_part, insert_noise),
)


def damaged(rng: random.Random, data: bytes, most: int = 3) -> tuple[bytes, str]:
    """Damages bytes in up to `most` ways; gives them, and the names of what was done."""
    buffer, done = bytearray(data), []
    for _ in range(rng.randint(1, most)):
        if not buffer:
            break
        mutation = rng.choice(BYTE_MUTATIONS)
        mutation(rng, buffer)
        done.append(mutation.__name__)
    return bytes(buffer), "+".join(done)


def spliced(rng: random.Random, first: bytes, second: bytes) -> bytes:
    """The start of one file and the end of another."""
    return first[: rng.randrange(len(first) + 1)] + second[rng.randrange(len(second) + 1) :]


NOT_A_FILE_OF_ITS_KIND = (
    b"",
    b"\0",
    b"hello\n",
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 123456\n",
    b"<!DOCTYPE html><html><body>404 \x1b[31mnot found</body></html>",
    b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + bytes(20),
    b"PK\x03\x04" + bytes(40),
    b"\x80\x02}q\x00.",
    b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    b'{"a": 1}',
    b"#!/bin/sh\ntouch canary\n",
    b"\0" * 5000,
)

_NAMES = (
    *(
        "plain",
        "plain",
        "plain",
        "cam-12:30:05",
        "with space",
        "a%20b",
        "-dash",
        "--json",
        "ünï",
        "dot.dot",
        "a;b",
    ),
    *("\x1b[31mred", "\x1b]0;title\x07", "line\nbreak", "tab\there", "$x^2$", "café", "\u202egnp", "é" * 60),
    *("[bold]x[/bold]", "<b>raw<b>", "http:", "%d%s", "*", "?", "~", "'\"", "A" * 200, "文件"),
)
_BYTES = (b"\xff\xfe", b"caf\xe9", b"a\x80b", b"\xc3")


def odd_stem(rng: random.Random) -> str:
    """A file name without its suffix: plain as a rule, else what a terminal or a shell could misread."""
    if rng.random() < 0.06:
        return os.fsdecode(rng.choice(_BYTES))
    return rng.choice(_NAMES) if rng.random() < 0.4 else "plain"


def shown(text: str) -> str:
    """A note without anything that could command the terminal of whoever reads it."""
    return ascii(text)[1:-1]
