"""The photographs that `rapsam export` and `rapsam parity` compare on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rapsam.errors import InputError, quoted

if TYPE_CHECKING:
    from rapsam.tasks.arrays import Pixels

_FORBIDDEN = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


def read_images(paths: Sequence[str]) -> dict[str, Pixels]:
    """Reads photographs and adds a drawn scene; without any, returns two drawn scenes.

    Each stands under its stem, with "_" for what file names of bundles may not hold, as the colons of
    "cam-12:30:05.jpg".
    """
    from rapsam.data.images import read_image
    from rapsam.export.parity.sample_images import sample_images

    images: dict[str, Pixels] = {}
    for path in map(Path, paths):
        name = _FORBIDDEN.sub("_", path.stem).strip(" .") or "_"
        if name in images:
            raise InputError(f"two images are called {quoted(name)}; give each another name")
        images[name] = read_image(path)
    drawn = sample_images()
    if not images:
        return drawn
    name, scene = next(iter(drawn.items()))
    images.setdefault(name, scene)
    return images
