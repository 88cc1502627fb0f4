"""Parts of a network by what they do: families mark them, generic code decides what precision they keep."""

from __future__ import annotations

from typing import Literal

PartRole = Literal[
    "attention",
    "class head",
    "gate",
    "mask product",
    "pooling",
    "prompt position",
    "sampling",
    "steering",
    "stem",
]
"""What a part does.

- attention: products of queries, keys and values.
- class head: what makes class logits.
- gate: decides how much of something is taken.
- mask product: makes mask logits of kernels and pixels.
- pooling: sums pixels under masks.
- prompt position: projects where a prompt is.
- sampling: reads a map at positions that were computed.
- steering: computes those positions.
- stem: the first layer, which takes the channels of an image.
"""
