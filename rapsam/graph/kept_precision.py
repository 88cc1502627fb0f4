"""What keeps its precision, and why: one policy for 16-bit floats and for integers.

Kinds of operators that 16 bits spoil, and roles of parts that 8 bits spoil. What a format calls an operator
of a kind, and which recipes go by a role, is said there.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

from rapsam.models.parts import PartRole

SensitiveKind = Literal["centring", "wave", "norm", "sampler"]
Reach = Literal["itself", "sources", "positions"]
"""What keeps its precision with an operator.

- itself: nothing else.
- sources: all that it is computed from.
- positions: all between the offsets that a convolution gives and the positions that it takes.
"""


class KeepsFloat32(NamedTuple):
    """How far an operator keeps float32 in a graph of float16.

    Attributes:
        reach: What keeps it too.
        why: What would go wrong.
    """

    reach: Reach
    why: str


KEEPS_FLOAT32: Mapping[SensitiveKind, KeepsFloat32] = MappingProxyType(
    {
        "centring": KeepsFloat32(
            "itself",
            "an image is padded with the mean colour that is subtracted from it: of two numbers that are "
            "nearly equal float16 leaves what it rounded, and a norm may make that as large as any value",
        ),
        "wave": KeepsFloat32(
            "sources",
            "what feeds sine and cosine are the corners of boxes; in float16 one would be off by 0.16 pixels "
            "of 640, and the width of a point's box, 6 pixels, by 0.25",
        ),
        "norm": KeepsFloat32(
            "itself", "squares of small values, and the small number that is added to them, vanish in float16"
        ),
        "sampler": KeepsFloat32(
            "positions",
            "a position on a map of 80 pixels has an error of 0.02 pixels in float16; offsets from a pixel, "
            "as a convolution gives them, are small and exact enough",
        ),
    }
)

KEEPS_FLOAT: Mapping[PartRole, str] = MappingProxyType(
    {
        "prompt position": "one small layer, and a click hangs on it",
        "sampling": "the values that are sampled meet float weights",
        "steering": "positions on a map need more than 8 bits",
    }
)
"""Parts that stay float where numbers become integers, with the reasons that reports give."""
