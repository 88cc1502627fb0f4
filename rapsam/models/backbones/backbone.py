"""What a network needs to know of its image backbone, whichever that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import nn


@dataclass(frozen=True, kw_only=True, slots=True)
class WeightLayout:
    """Which published weight files fit a backbone: its parameters have the names that these files use.

    Attributes:
        description: Of such a file, to go on from "expected a", for messages.
        first_layer: Module that every such file has, so that files of other networks are told at once.
        left_out: Prefixes of what such a file holds beside the backbone, as the layer that classifies.
    """

    description: str
    first_layer: str
    left_out: tuple[str, ...]


class BackboneConfig(Protocol):
    """Shape of a backbone: a frozen value, equal to another one if it builds the same layers.

    What it builds maps normalised images (B, 3, H, W), sides multiples of 32, to one map for each stride,
    (B, channels[i], H / strides[i], W / strides[i]), shallow first.
    """

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the maps, shallow first."""
        ...

    @property
    def strides(self) -> tuple[int, ...]:
        """Strides of the maps, shallow first, up to 32."""
        ...

    @property
    def weight_layout(self) -> WeightLayout:
        """Published weight files that fit."""
        ...

    def build(self) -> nn.Module:
        """Builds it with random weights."""
        ...
