"""Where the weights of a network, and the names of its classes, come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from torch import Tensor


class Weights(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Origin of weights.

    Attributes:
        origin: "random": an initialisation to train from. "formula": values that anyone can make again.
            "training": a run that has just ended. "file": a weight file.
        name: Of the file or the run; empty for the others.
        trained: Whether they have learnt anything; if not, results are numbers without meaning.
        trained_for: Export recipe of few bits that they were trained for; None for float weights.
    """

    origin: Literal["random", "formula", "training", "file"]
    name: str = ""
    trained: bool
    trained_for: str | None = None

    def __str__(self) -> str:
        """Says it for reports and model cards."""
        told = {"random": "random initialisation (untrained)", "formula": "formula (untrained)"}
        return told.get(self.origin, self.name)


RANDOM_WEIGHTS = Weights(origin="random", trained=False)
FORMULA_WEIGHTS = Weights(origin="formula", trained=False)


class Prototypes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Origin of the text prototypes by which a network names what it finds.

    Attributes:
        origin: "formula": vectors that anyone can make again. "tensor": given from Python. "file": a file.
        name: Of the file; empty for the others.
        learnt: Whether the weights were trained with these very prototypes by formula; without that, the
            names of classes mean nothing.
    """

    origin: Literal["formula", "tensor", "file"]
    name: str = ""
    learnt: bool = False

    def __str__(self) -> str:
        """Says it for reports and model cards."""
        if self.origin != "formula":
            return self.name or "a tensor"
        if self.learnt:
            return "formula, as the weights were trained with it"
        return "formula (the names of the classes mean nothing)"

    @property
    def meaningless(self) -> bool:
        """Whether the names of classes mean nothing."""
        return self.origin == "formula" and not self.learnt


def weights_sha256(state: Mapping[str, Tensor]) -> str:
    """Hashes names, shapes, dtypes and values of tensors, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {list(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return digest.hexdigest()
