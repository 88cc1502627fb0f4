"""Whether the files that a command has left are whole."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import av
import safetensors
from PIL import Image


def _image(path: Path) -> None:
    with Image.open(path) as image:
        image.load()


def _video(path: Path) -> None:
    with av.open(str(path)) as container:
        for _ in container.decode(video=0):
            pass


def _weights(path: Path) -> None:
    with safetensors.safe_open(path, "pt") as file:
        file.keys()


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if bad := archive.testzip():
            raise ValueError(f"{bad} is damaged")


CHECKS: dict[str, Callable[[Path], object]] = {
    ".json": lambda path: json.loads(path.read_bytes()),
    ".png": _image,
    ".jpg": _image,
    ".mp4": _video,
    ".safetensors": _weights,
    ".pth": _archive,
    ".pt": _archive,
}


def half_files(paths: Iterable[Path]) -> list[str]:
    """Names the files that cannot be read, by their suffix, each with the reason."""
    found = []
    for path in paths:
        check = CHECKS.get(path.suffix.lower())
        if path.is_symlink() or not path.is_file() or check is None:
            continue
        try:
            check(path)
        except Exception as error:
            found.append(f"{path.suffix} {path.name!a}: {type(error).__name__} {ascii(str(error))[:200]}")
    return found
