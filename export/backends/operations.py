"""The operators of a lowered graph, each with where it runs, and the report that they add up to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from rapsam.export.backends.delegation import DelegationReport, FallbackOp
from rapsam.graph.pixel_size import Grid, is_pixel_sized

# Convention of all families: a submodule of this name holds a deformable convolution. Lowered graphs keep the
# names of modules, and some formats nothing else that a module could declare.
_DEFORMABLE = "deform_conv"


@dataclass(frozen=True)
class Operation:
    """One operator.

    Attributes:
        op: Name in the format.
        module: Dotted name of the module that it comes from; empty where the format keeps none.
        shapes: Shapes of the computed tensors that it reads, and of its results.
        macs: Its multiply-adds.
        delegated: Whether the delegate computes it.
        gathers: Whether it picks rows of an activation by number, or makes the numbers whole for that and
            nothing else: no delegate on a CPU knows integers, so the cast belongs to the gather.
    """

    op: str
    module: str
    shapes: tuple[tuple[int, ...], ...]
    macs: int
    delegated: bool
    gathers: bool

    @property
    def is_deform_gather(self) -> bool:
        """Whether this is the row gather of a deformable convolution, or the cast of its row numbers."""
        return self.gathers and _DEFORMABLE in self.module.split(".")


def delegation_report(
    delegate: str,
    provenance: Literal["measured", "estimated"],
    operations: Sequence[Operation],
    partitions: int,
    grid: Grid | None,
) -> DelegationReport:
    """Adds up operators.

    Args:
        delegate: Name of the delegate.
        provenance: "measured" or "estimated"; see `DelegationReport`.
        operations: All operators of the graph but constants.
        partitions: Pieces that the delegate gets.
        grid: Smallest pixel-sized map; see `rapsam.graph.pixel_size`.

    Returns:
        The report. Operators of one name are apart if they differ in being pixel-sized, or in being the
        row gather of a deformable convolution.
    """
    inside = [operation for operation in operations if operation.delegated]
    return DelegationReport(
        delegate=delegate,
        provenance=provenance,
        macs=sum(operation.macs for operation in operations),
        macs_delegated=sum(operation.macs for operation in inside),
        ops=len(operations),
        ops_delegated=len(inside),
        partitions=partitions,
        fallbacks=_fallbacks((o for o in operations if not o.delegated), grid),
    )


def _fallbacks(operations: Iterable[Operation], grid: Grid | None) -> tuple[FallbackOp, ...]:
    groups: dict[tuple[str, bool, bool], list[Operation]] = {}
    for operation in operations:
        pixel_sized = any(is_pixel_sized(shape, grid) for shape in operation.shapes)
        key = (operation.op, pixel_sized, operation.is_deform_gather)
        groups.setdefault(key, []).append(operation)
    found = [
        FallbackOp(
            op=op,
            count=len(members),
            modules=tuple(sorted({member.module for member in members if member.module})),
            macs=sum(member.macs for member in members),
            pixel_sized=pixel_sized,
            is_deform_gather=is_deform_gather,
        )
        for (op, pixel_sized, is_deform_gather), members in groups.items()
    ]
    return tuple(sorted(found, key=lambda f: (-f.macs, not f.pixel_sized, -f.count, f.op)))
