"""What `rapsam predict` shall read, and under which names the results will stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rapsam.data import images, videos
from rapsam.data.limits import check_file
from rapsam.errors import InputError


def is_video(path: Path) -> bool:
    """Tells a video from an image by the end of its name."""
    return path.suffix.lower() in videos.SUFFIXES


def named_inputs(paths: Sequence[Path]) -> dict[str, Path]:
    """Lists all inputs, folders opened, under the names that their results will have.

    Args:
        paths: Images, videos, and folders of them.

    Returns:
        Name to file: the file name without its suffix; with it where two inputs differ only in that.

    Raises:
        InputError: If a folder holds nothing to read, the results of two inputs would get the same name,
            or the only input is no file.
    """
    files = list(dict.fromkeys(file for path in paths for file in _files_of(path)))
    if len(files) == 1:
        check_file(files[0], "image or video")
    stems = Counter(file.stem for file in files)
    named: dict[str, Path] = {}
    for file in files:
        name = file.stem if stems[file.stem] == 1 else file.name
        if name in named:
            raise InputError(
                f"{named[name]} and {file} have the same name, and so would their results; "
                "rename one, or predict them one by one with different --out"
            )
        named[name] = file
    return named


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    suffixes = (*images.SUFFIXES, *videos.SUFFIXES)
    found = sorted(
        file
        for file in path.iterdir()
        if file.suffix.lower() in suffixes and not file.name.startswith(".") and not file.is_dir()
    )
    if not found:
        raise InputError(f"folder {path} holds no image or video; expected files such as .jpg, .png or .mp4")
    return found
