"""Turning file names out of annotation files into paths that stay in the data set."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from rapsam.data.sources.faults import DataSetError

_LONGEST = 255
"""Bytes of a name that file systems take."""


def path_below(root: Path, folder: str, name: str, field: str) -> Path:
    """Returns the path of a file that an annotation file names.

    Args:
        root: Folder of the data set, resolved.
        folder: Part of the path that the layout of the data set fixes.
        name: The rest, from the annotation file.
        field: Where the name was found, for the message.

    Raises:
        DataSetError: If the name is empty, too long, absolute, climbs out of the folder, or leads out of the
            data set through a symbolic link.
    """
    path = root / folder / name
    parts = PurePosixPath(name).parts
    plain = parts and not name.startswith("/") and "\\" not in name and ".." not in parts
    short = all(len(part.encode(errors="surrogatepass")) <= _LONGEST for part in parts)
    if not plain or not short or not _stays(path, root):
        raise DataSetError(
            "unsafe file name",
            f"{field} is {name!r}; expected the name of a file that lies in {root / folder}: mend the name, "
            "and keep links to files elsewhere out of the data set",
        )
    return path


def _stays(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    # Circles of links, and characters that no file name may hold.
    except (OSError, RuntimeError, ValueError):
        return False
