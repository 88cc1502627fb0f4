"""How the numbers of a graph get few bits: declared by recipes, in the words that the field uses."""

from __future__ import annotations

from typing import Literal

import msgspec

from rapsam.graph.kept_precision import KEEPS_FLOAT
from rapsam.models.parts import PartRole

Kind = Literal[
    "convolution",
    "transposed convolution",
    "linear",
    "product",
    "sum",
    "rectifier",
    "maximum",
    "enlargement",
    "rearrangement",
]
"""Operators that have integer kernels somewhere."""

# Names of PyTorch's operators, without PyTorch: recipes are read by verbs that never load it.
KINDS: dict[str, Kind] = {
    "aten.conv2d.default": "convolution",
    "aten.conv_transpose2d.input": "transposed convolution",
    "aten.linear.default": "linear",
    "aten.matmul.default": "product",
    "aten.add.Tensor": "sum",
    "aten.relu.default": "rectifier",
    "aten.max_pool2d.default": "maximum",
    "aten.upsample_bilinear2d.vec": "enlargement",
    "aten.pixel_shuffle.default": "rearrangement",
    "aten.slice.Tensor": "rearrangement",
}
WEIGHTED: tuple[Kind, ...] = ("convolution", "transposed convolution", "linear")
"""Kinds that multiply by weights."""


class StaysFloat(msgspec.Struct, frozen=True, kw_only=True):
    """What keeps its precision although the target could compute it in integers.

    Attributes:
        role: Parts with this role.
        why: In a few words, for the report.
        kinds: Operators of these parts; all of them if empty.
    """

    role: PartRole
    why: str
    kinds: tuple[Kind, ...] = ()


POSITION_STAYS, SAMPLING_STAYS, STEERING_STAYS = (
    StaysFloat(role=role, why=KEEPS_FLOAT[role]) for role in ("prompt position", "sampling", "steering")
)
# For speed, not for what is lost.
STEM_STAYS = StaysFloat(role="stem", why="the three channels of an image are too few for integer kernels")
ATTENTION_STAYS = StaysFloat(role="attention", why="its products are too small to gain", kinds=("product",))


class Quantisation(msgspec.Struct, frozen=True, kw_only=True):
    """How the numbers of a graph get few bits.

    Attributes:
        stage: Whether the captured graph is quantised, or the file, by the target's own tools.
        weight_bits: Of weights; one scale per output channel, zero stays zero.
        palette: Whether weights are numbers of a table of 2 ** weight_bits values, found by k-means, and not
            whole multiples of a scale.
        group: Output channels that share a table; None for one table per tensor.
        compensated: Whether weights are chosen by what samples say of their inputs, so that their errors make
            up for each other, and not each by itself; for palettes.
        activation_bits: Of what flows between operators; one scale per tensor. None leaves that float, and
            stores weights alone small.
        dynamic: Whether the scales of activations are found anew at every run, without calibration.
        signed: Whether activations are signed integers.
        symmetric: Whether zero is the middle of their range, which then has one number less; for signed
            integers whose scales are found beforehand.
        kinds: Operators that the target computes in integers.
        small_weights: Whether weights of the others are stored small all the same.
        shuffled: Whether transposed convolutions are computed as convolutions whose results are rearranged,
            where that is exact.
        float_outputs: Those of them whose results the target can leave float.
        integer_biases: Whether biases are stored as 32-bit integers too.
        stays_float: What is left float on purpose.
    """

    stage: Literal["graph", "file"] = "graph"
    weight_bits: int = 8
    palette: bool = False
    group: int | None = None
    compensated: bool = False
    activation_bits: int | None = None
    dynamic: bool = False
    signed: bool = True
    symmetric: bool = False
    kinds: tuple[Kind, ...] = WEIGHTED
    small_weights: bool = True
    shuffled: bool = False
    float_outputs: tuple[Kind, ...] = ()
    integer_biases: bool = False
    stays_float: tuple[StaysFloat, ...] = ()

    def __post_init__(self) -> None:
        """Refuses what contradicts itself."""
        if self.compensated and not self.palette:
            raise ValueError("weights that make up for each other come from a palette")
        if self.symmetric and (self.dynamic or not self.signed):
            raise ValueError("symmetric activations are signed, and their scales are found beforehand")


def activation_limits(scheme: Quantisation) -> tuple[int, int]:
    """Returns the smallest and the largest whole number that an activation can be."""
    assert scheme.activation_bits is not None
    count = 2**scheme.activation_bits
    if not scheme.signed:
        return 0, count - 1
    return -(count // 2) + scheme.symmetric, count // 2 - 1
