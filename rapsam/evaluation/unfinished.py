"""The file of an evaluation on its way, from which it goes on after an interruption."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import msgspec

from rapsam.data.limits import check_file
from rapsam.errors import InputError, reading
from rapsam.files import write_atomic

_MAX_BYTES = 2 * 1024**3
Counted = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Unfinished(msgspec.Struct, frozen=True, kw_only=True):
    """An evaluation on its way.

    Attributes:
        question: What is evaluated on what; another one begins anew.
        done: Clips that were counted or left out.
        left_out: One line for each clip that was left out, by its place in the data set.
        annotations_left_out: Number of annotations that were left out of clips that were counted.
        first_annotations: A line for each of the first of them.
        parts: States of the accumulators.
    """

    question: str
    done: Counted
    left_out: dict[Counted, str]
    annotations_left_out: Counted
    first_annotations: tuple[str, ...]
    parts: dict[str, Any]


class _Sealed(msgspec.Struct, frozen=True, kw_only=True):
    """The file: what was counted as JSON, and the digest of this very text."""

    sha256: str
    counted: msgspec.Raw


def save_unfinished(path: Path, state: Unfinished) -> None:
    """Writes the file, in full or not at all."""
    counted = msgspec.json.encode(state)
    sealed = _Sealed(sha256=hashlib.sha256(counted).hexdigest(), counted=msgspec.Raw(counted))
    write_atomic(path, msgspec.json.encode(sealed))


def load_unfinished(path: Path) -> Unfinished | None:
    """Reads the file; None if there is none.

    Raises:
        InputError: If it is damaged or was edited: its counts would become figures that nobody measured.
    """
    if not path.exists():
        return None
    check_file(path, "unfinished evaluation")
    if path.stat().st_size > _MAX_BYTES:
        raise InputError(f"{path} has more than {_MAX_BYTES:,} bytes; remove it to begin anew")
    with reading(path, "an unfinished evaluation; it is damaged or was edited: remove it to begin anew"):
        sealed = msgspec.json.decode(path.read_bytes(), type=_Sealed)
        if hashlib.sha256(sealed.counted).hexdigest() != sealed.sha256:
            raise ValueError("its digest is another")
        return msgspec.json.decode(sealed.counted, type=Unfinished)
