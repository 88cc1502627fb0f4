"""The photographs that `rapsam export` and `rapsam parity` compare on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.errors import InputError

if TYPE_CHECKING:
    from rapsam.tasks.arrays import Pixels


def read_images(paths: Sequence[str]) -> dict[str, Pixels]:
    """Reads photographs, each under its stem, and adds a drawn scene; without any, gives two drawn scenes."""
    from rapsam.data.images import read_image
    from rapsam.export.sample_images import sample_images

    images: dict[str, Pixels] = {}
    for path in map(Path, paths):
        if path.stem in images:
            raise InputError(f"two images are called {path.stem!r}; give each another name")
        images[path.stem] = read_image(path)
    drawn = sample_images()
    if not images:
        return drawn
    name, scene = next(iter(drawn.items()))
    images.setdefault(name, scene)
    return images
