"""The digest of the toolkit's own source: the same code makes the same bundle."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import rapsam

# What decides the content of a bundle. The catalogue of devices, the command line, data readers and
# benchmarks do not.
PARTS = ("contract.py", "models", "tasks", "metrics", "graph", "inference", "quantize", "export")
SUFFIXES = (".py", ".json", ".toml")
WITHOUT = ("devices.toml",)


@cache
def source_sha256() -> str:
    """Hashes the code and data files that decide the content of a bundle, names and contents.

    They are read where the package is installed, so an editable installation and a wheel of the same source
    give the same digest. Made once per process.
    """
    root = Path(rapsam.__file__).parent
    files = sorted((file for part in PARTS for file in _files(root / part)), key=Path.as_posix)
    digest = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(root).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _files(part: Path) -> list[Path]:
    if part.is_file():
        return [part]
    return [file for file in part.rglob("*") if file.suffix in SUFFIXES and file.name not in WITHOUT]
