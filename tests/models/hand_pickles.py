"""Weight files by hand: pickles from their instructions, in archives as of `torch.save`."""

from __future__ import annotations

import struct
import subprocess
import sys
import zipfile

PROTO, STOP = b"\x80\x02", b"."


def torch_zip(path, pickled, entries=(), compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", pickled)
        for name, content in entries:
            archive.writestr(f"archive/{name}", content)
    return path


def text(value):
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value):
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def storage(count=4, kind="FloatStorage"):
    named = f"ctorch\n{kind}\n".encode()
    return b"(" + text("storage") + named + text("0") + text("cpu") + number(count) + b"tQ"


def rebuilt(shape, stride, rest=b"", version=2, stored=None):
    """A pickle that makes a tensor of a storage; shape, stride and the last arguments are pickles too."""
    head = f"ctorch._utils\n_rebuild_tensor_v{version}\n(".encode()
    return head + (stored or storage()) + b"K\0" + shape + stride + b"\x89}" + rest + b"tR"


def sides(*values):
    return b"(" + b"".join(map(number, values)) + b"t"


def read_in_little_memory(paths):
    """Reads files in a process that may take 1 GB beside what it has after the imports."""
    script = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from rapsam.errors import RapSamError\n"
        "from rapsam.models.checkpoint import read_tensors\n"
        "used = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 10**9, resource.RLIM_INFINITY))\n"
        "for path in map(Path, sys.argv[1:]):\n"
        "    try:\n"
        "        read_tensors(path)\n"
        "    except RapSamError as error:\n"
        "        print(type(error).__name__, error)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, paths)], capture_output=True, text=True, timeout=120
    )
