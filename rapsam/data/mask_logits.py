"""Mask logits as files: answers that become prompts again."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import numpy.typing as npt
from numpy.lib.format import MAGIC_PREFIX

from rapsam.contract import MAX_SIDE
from rapsam.data.limits import check_file
from rapsam.errors import InputError, reading
from rapsam.files import write_atomic
from rapsam.tasks.arrays import Floats

_EXPECTED = "a .npy file of float32 mask logits, as predict --logits writes them"


def write_mask_logits(path: Path, logits: Floats) -> None:
    """Writes mask logits (K, h, w), the file whole or not at all."""
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(logits, np.float32), allow_pickle=False)
    write_atomic(path, buffer.getvalue())


def read_mask_logits(path: Path) -> Floats:
    """Reads the mask logits of one object, (h, w) float32.

    Raises:
        InputError: If the file holds anything else, or those of several objects.
    """
    check_file(path, "mask logits")
    with reading(path, _EXPECTED):
        # Mapped, a file cannot claim to be larger than it is.
        array = _mapped(path)
        if array.dtype != np.float32:
            raise InputError(f"{path} holds something else; expected {_EXPECTED}")
        if array.ndim == 3 and len(array) != 1:
            raise InputError(
                f"{path} holds the mask logits of {len(array)} objects; expected one: predict it alone"
            )
        shape = array.shape[-2:]
        if array.ndim not in (2, 3) or not all(1 <= side <= MAX_SIDE for side in shape):
            raise InputError(f"{path} holds an array {list(array.shape)[:8]}; expected {_EXPECTED}")
        return np.array(array, np.float32).reshape(shape)


def _mapped(path: Path) -> npt.NDArray[np.generic]:
    with path.open("rb") as stream:
        # NumPy takes any other file for an archive or pickled objects, and advises to load these.
        if stream.read(len(MAGIC_PREFIX)) != MAGIC_PREFIX:
            raise InputError(f"{path} is no file of an array; expected {_EXPECTED}")
    array: npt.NDArray[np.generic] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
