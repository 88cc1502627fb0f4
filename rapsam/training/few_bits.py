"""Which parts of a network learn to compute with few bits, in which of its passes."""

from __future__ import annotations

import re
from typing import Literal

from torch import nn

from rapsam.models.trainable import Trainable
from rapsam.quantize.fake import FakeQuantisation, weighted_modules
from rapsam.quantize.scheme import Quantisation

Pass = Literal["features", "objects", "prompts"]
"""Each has ranges of its own, as each is a graph of its own for a target."""
_MAKES_FEATURES = ("backbone.", "neck.")


class FewBits(nn.Module):
    """The ranges of a network's passes.

    Args:
        model: The network; not a part of this module.
        scheme: What the export recipe says that the run trains for.
    """

    def __init__(self, model: Trainable, scheme: Quantisation) -> None:
        super().__init__()
        modules = {
            name: module
            for name, module in weighted_modules(model).items()
            if not re.search(model.rewritten, name)
        }
        encoder = {name: part for name, part in modules.items() if name.startswith(_MAKES_FEATURES)}
        decoder = {name: part for name, part in modules.items() if name not in encoder}
        self.features = FakeQuantisation(scheme, encoder, model.parts)
        self.objects = FakeQuantisation(scheme, decoder, model.parts)
        self.prompts = FakeQuantisation(scheme, decoder, model.parts)

    def of_pass(self, name: Pass) -> FakeQuantisation:
        """Returns the ranges of a pass."""
        return {"features": self.features, "objects": self.objects, "prompts": self.prompts}[name]
