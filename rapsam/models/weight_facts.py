"""What a weight file of ours says about itself beside its tensors."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from rapsam.errors import JSON_ERRORS, CheckpointError, reason_of
from rapsam.models.checkpoint import read_metadata

_KEY = "rapsam"
_RecipeName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Side = Annotated[int, msgspec.Meta(ge=32, le=8192)]


class WeightFacts(msgspec.Struct, frozen=True, kw_only=True):
    """How trained weights want to be used.

    Attributes:
        model: Variant.
        vocabulary: Label set whose prototypes by formula the weights were trained with; None if they were
            trained with a classifier file, which has to be named again.
        sides: Long and short side that images must fit; None as published.
        trained_for: Export recipe of few bits that they were trained for; None for float weights.
    """

    model: str
    vocabulary: str | None
    sides: tuple[_Side, _Side] | None = None
    trained_for: _RecipeName | None = None

    def __post_init__(self) -> None:
        """Raises `ValueError` if the long side is the shorter one."""
        if self.sides and self.sides[0] < self.sides[1]:
            raise ValueError(f"sides {list(self.sides)}; expected the long one first")

    def as_metadata(self) -> dict[str, str]:
        """Returns the facts as metadata of a safetensors file."""
        return {_KEY: msgspec.json.encode(self).decode()}


def read_facts(path: Path) -> WeightFacts | None:
    """Reads the facts of a weight file; None if it holds none, as published ones do not.

    Raises:
        CheckpointError: If the file cannot be read, or its facts are damaged.
    """
    text = read_metadata(path).get(_KEY)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=WeightFacts)
    except JSON_ERRORS as error:
        raise CheckpointError(
            f"{path}: its metadata cannot be read ({reason_of(error)}); make the file again"
        ) from error
