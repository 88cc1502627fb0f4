"""Android's libraries on Linux: a copy without what glibc's loader refuses; no code is touched.

Android's C library, bionic, marks its symbols with a version of its own and has other names and sizes of a
few things. In the copy those marks and the names of bionic's libraries become entries that the loader passes
over, and functions that differ get another name, under which `bionic_shim.c` has them. Android's loader looks
into a library itself first, and glibc's into the program, whose C++ runtime is another: the copy says so.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from apps.android.toolchain.commands import run
from apps.android.toolchain.tools import program

SHIM = Path(__file__).with_name("bionic_shim.c")
_SHIM_NAME = "libdl.so"
"""Android's libraries ask for a library of this name; glibc's has another."""
_ABSENT = frozenset(("libc.so", "libm.so", "liblog.so", "libandroid.so"))
"""What else they ask for: the process has glibc's, and the shim the rest."""
_RENAMED = frozenset(
    (
        "fflush",
        "fprintf",
        "fputc",
        "fputs",
        "fwrite",
        "pthread_attr_init",
        "pthread_cond_broadcast",
        "pthread_cond_destroy",
        "pthread_cond_init",
        "pthread_cond_signal",
        "pthread_cond_timedwait",
        "pthread_cond_wait",
        "pthread_mutex_init",
        "pthread_sigmask",
        "sigfillset",
        "strerror_r",
        "sysconf",
        "vfprintf",
    )
)
"""Get a capital first letter."""
_NULL, _NEEDED, _STRTAB, _SYMTAB, _STRSZ = 0, 1, 5, 6, 10
_VERSIONS = frozenset((0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFD, 0x6FFFFFFE, 0x6FFFFFFF))
_SYMBOLIC = 16
_PASSED_OVER = 0x6000F000
"""Of the range for operating systems; glibc knows none of these."""
_LOAD, _DYNAMIC = 1, 2
_SYMBOL_BYTES = 24


class _Segment(NamedTuple):
    type: int
    offset: int
    address: int
    size: int


def linux_library(library: bytes) -> bytes:
    """Makes a copy of a 64-bit Android library that glibc loads.

    Args:
        library: An ELF file.
    """
    data = bytearray(library)
    segments = _segments(data)
    dynamic = next(segment for segment in segments if segment.type == _DYNAMIC)
    places = range(dynamic.offset, dynamic.offset + dynamic.size, 16)
    entries = [(place, *struct.unpack_from("<QQ", data, place)) for place in places]
    values = {tag: value for _, tag, value in entries}
    texts = _offset_of(segments, values[_STRTAB])
    passed_over = [
        place
        for place, tag, value in entries[: [tag for _, tag, _ in entries].index(_NULL)]
        if tag in _VERSIONS or (tag == _NEEDED and _text(data, texts + value) in _ABSENT)
    ]
    for number, place in enumerate(passed_over):
        struct.pack_into("<Q", data, place, _PASSED_OVER + number if number else _SYMBOLIC)
    symbols = _offset_of(segments, values[_SYMTAB])
    assert symbols < texts, "a linker of Android puts the symbols before their names"
    for place in range(symbols, texts, _SYMBOL_BYTES):
        name, _, _, section = struct.unpack_from("<IBBH", data, place)
        if name >= values[_STRSZ]:
            break
        start = texts + name
        if section == 0 and _text(data, start).lower() in _RENAMED:
            data[start] = ord(chr(data[start]).upper())
    return bytes(data)


def build_shim(folder: Path, compiler: Sequence[str | Path] = ()) -> Path:
    """Builds what Android's libraries find in place of bionic.

    Args:
        folder: For the library.
        compiler: Of another machine's kind than this one's, with its options; none for this machine's.

    Returns:
        The library, in the folder.

    Raises:
        ExportError: With what the compiler said.
    """
    target = folder / _SHIM_NAME
    command = [
        *(compiler or [program("gcc", "gcc")]),
        "-O1",
        "-shared",
        "-fPIC",
        f"-Wl,-soname,{_SHIM_NAME}",
        "-o",
        target,
    ]
    run([*command, SHIM, "-Wl,--no-as-needed", "-lpthread", "-ldl", "-lm", "-lc"])
    return target


def load_alignments(library: bytes) -> set[int]:
    """Returns what the pages of a library's segments must be aligned to, in bytes."""
    return {
        struct.unpack_from("<Q", library, place + 48)[0]
        for place in _header_places(library)
        if struct.unpack_from("<I", library, place)[0] == _LOAD
    }


def _header_places(data: bytes | bytearray) -> range:
    assert data[:5] == b"\x7fELF\x02", "a 64-bit library"
    (start,) = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    return range(start, start + size * count, size)


def _segments(data: bytes | bytearray) -> list[_Segment]:
    found = []
    for place in _header_places(data):
        kind, _, offset, address, _, size = struct.unpack_from("<IIQQQQ", data, place)
        found.append(_Segment(kind, offset, address, size))
    return found


def _offset_of(segments: list[_Segment], address: int) -> int:
    """Returns where in the file an address of the program is."""
    return next(
        segment.offset + address - segment.address
        for segment in segments
        if segment.type == _LOAD and segment.address <= address < segment.address + segment.size
    )


def _text(data: bytes | bytearray, start: int) -> str:
    return data[start : data.index(0, start)].decode()
