"""What of a lowered graph its accelerated delegate takes over, and what falls back to slower kernels."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

# What a graph must reach for `rapsam export --strict`.
MIN_MAC_SHARE = 0.99

Count = Annotated[int, msgspec.Meta(ge=0)]


class FallbackOp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One kind of operator that the delegate does not take.

    Attributes:
        op: Name in the format, as in "aten.index_select.default" or "GATHER_ND". Core ML adds in brackets
            what keeps it off, as in "matmul (axis above 16384)".
        count: How often it occurs.
        modules: Dotted names of the modules that it comes from, sorted; empty where the format keeps none.
        macs: Multiply-adds of all occurrences together.
        pixel_sized: See `rapsam.graph.pixel_size`.
        is_deform_gather: Whether all occurrences are the row gather of a deformable convolution, which no
            CPU delegate takes.
    """

    op: str
    count: Count
    modules: tuple[str, ...]
    macs: Count
    pixel_sized: bool
    is_deform_gather: bool


class DelegationReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a graph is split between a delegate and everything else.

    Attributes:
        delegate: "XNNPACK", "Vulkan", "Core ML" (as a delegate of ExecuTorch) or "Neural Engine".
        provenance: "measured" if read from the artifact or its runtime; "estimated" if it follows from a
            list of operators, because the delegate is not to be had here.
        macs: Multiply-adds of the graph.
        macs_delegated: Those that the delegate computes.
        ops: Operators of the graph, constants not counted.
        ops_delegated: Those in the delegate.
        partitions: Pieces that the delegate gets; each border between pieces may cost a copy.
        fallbacks: What is left, most multiply-adds first.
    """

    delegate: str
    provenance: Literal["measured", "estimated"]
    macs: Count
    macs_delegated: Count
    ops: Count
    ops_delegated: Count
    partitions: Count
    fallbacks: tuple[FallbackOp, ...]

    @property
    def mac_share(self) -> float:
        """Share of the multiply-adds in the delegate, 0..1; 1 for a graph without any."""
        return self.macs_delegated / self.macs if self.macs else 1.0

    @property
    def op_share(self) -> float:
        """Share of the operators in the delegate, 0..1; 1 for a graph without any."""
        return self.ops_delegated / self.ops if self.ops else 1.0

    def problems(self) -> tuple[str, ...]:
        """Says in one line each what keeps the graph from a strict export; empty if nothing does.

        Judged are XNNPACK and, in ExecuTorch programs, the delegates Core ML and Vulkan. What is said of the
        Neural Engine is an estimate, and no ground for a refusal.
        """
        if self.provenance == "estimated":
            return ()
        lines = []
        if self.mac_share < MIN_MAC_SHARE:
            lines.append(
                f"{self.delegate} takes {self.mac_share:.2%} of the multiply-adds, at least "
                f"{MIN_MAC_SHARE:.0%} expected"
            )
        for fallback in self.fallbacks:
            if fallback.pixel_sized and not fallback.is_deform_gather:
                origin = f" of {', '.join(fallback.modules)}" if fallback.modules else ""
                lines.append(
                    f"{fallback.count} {fallback.op}{origin} on pixel-sized tensors outside {self.delegate}"
                )
        return tuple(lines)
