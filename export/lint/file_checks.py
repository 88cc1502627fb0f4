"""The checks of rules on the file of a graph: what a converter has really written.

In the words of TFLite: of the formats that can be read no other has an accelerator with rules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from rapsam.export.backends.base import Accelerator
from rapsam.export.backends.file_graph import FileGraph, FileOperator
from rapsam.export.lint.findings import general_finding
from rapsam.export.lint.report import Finding, Shape
from rapsam.export.lint.rules import Rule, rules_for

_PRODUCT, _SUM = "BATCH_MATMUL", "ADD"
_SCALES = ("MUL", "DIV", _SUM)
"""What may lie between a product and its mask, as the scale of attention."""
_REDUCTIONS = ("SUM", "MEAN")


class FileHit(NamedTuple):
    """An operator that breaks a rule, and what of it does."""

    operator: FileOperator
    detail: str


FileCheck = Callable[[FileGraph, Rule], Iterator[FileHit]]


def file_findings(
    graph: FileGraph, name: str, accelerators: Iterable[Accelerator], chip: str | None
) -> list[Finding]:
    """Finds what the operators of a file break.

    Args:
        graph: The file.
        name: Of the graph.
        accelerators: Where it would run.
        chip: Of the phone; None for any.
    """
    found = []
    for accelerator in accelerators:
        for rule in rules_for(accelerator.name, chip):
            hits = FILE_CHECKS[rule.check](graph, rule) if rule.check in FILE_CHECKS else ()
            found += [_finding(graph, rule, accelerator.name, name, hit) for hit in hits]
    return found


def bytes_moved(graph: FileGraph, operator: FileOperator) -> int:
    """Returns what an operator reads and writes, in bytes."""
    return sum(graph.tensors[key].size_bytes for key in {*operator.inputs, *operator.outputs})


def _batched_product(graph: FileGraph, _rule: Rule) -> Iterator[FileHit]:
    for operator in _those(graph, (_PRODUCT,)):
        left, right = _shapes(graph, operator.inputs[:2])
        computed = not any(graph.tensors[key].stored for key in operator.inputs[:2])
        if computed and len(left) == len(right) == 3 and max(left[0], right[0]) != 1:
            yield FileHit(operator, f"{_told(left)} by {_told(right)}")


def _constant_left(graph: FileGraph, _rule: Rule) -> Iterator[FileHit]:
    for operator in _those(graph, (_PRODUCT,)):
        left, right = operator.inputs[:2]
        if graph.tensors[left].stored and not graph.tensors[right].stored:
            shapes = _shapes(graph, (left, right))
            yield FileHit(operator, f"constant {_told(shapes[0])} by {_told(shapes[1])}")


def _broadcast_on_product(graph: FileGraph, _rule: Rule) -> Iterator[FileHit]:
    makers = {key: operator for operator in graph.operators for key in operator.outputs}
    for operator in _those(graph, (_SUM,)):
        (result,) = _shapes(graph, operator.outputs)
        left, right = operator.inputs[:2]
        for product, other in ((left, right), (right, left)):
            shape = graph.tensors[other].shape
            smaller = math.prod(shape) > 1 and shape != result
            if smaller and _comes_from_product(graph, makers, product):
                yield FileHit(operator, f"{_told(shape)} added to {_told(graph.tensors[product].shape)}")
                break


def _comes_from_product(graph: FileGraph, makers: Mapping[str, FileOperator], key: str | None) -> bool:
    while key is not None and (maker := makers.get(key)) is not None:
        if maker.op == _PRODUCT:
            return not any(graph.tensors[each].stored for each in maker.inputs[:2])
        # Only a scale may lie between: one side then is a number.
        sides = [each for each in maker.inputs if math.prod(graph.tensors[each].shape) > 1]
        key = sides[0] if maker.op in _SCALES and len(sides) == 1 else None
    return False


def _large_reduction(graph: FileGraph, rule: Rule) -> Iterator[FileHit]:
    for operator in _those(graph, _REDUCTIONS):
        taken, made = _shapes(graph, (operator.inputs[0], operator.outputs[0]))
        # Axes are dropped, or stay with a length of 1.
        axes = len(taken) - len(made) or sum(a != b for a, b in zip(taken, made, strict=True))
        count = math.prod(taken) // max(1, math.prod(made))
        if axes > 1 and count >= rule.bound:
            yield FileHit(operator, f"{count:,} elements over {axes} axes")


def _rank(graph: FileGraph, rule: Rule) -> Iterator[FileHit]:
    for operator in graph.operators:
        highest = max(map(len, _touched(graph, operator)), default=0)
        if highest > rule.bound:
            yield FileHit(operator, f"rank {highest}")


def _axis(graph: FileGraph, rule: Rule) -> Iterator[FileHit]:
    for operator in graph.operators:
        longest = max((side for shape in _touched(graph, operator) for side in shape[-2:]), default=0)
        if longest > rule.bound:
            yield FileHit(operator, f"an axis of {longest:,}")


def _listed(graph: FileGraph, rule: Rule) -> Iterator[FileHit]:
    for operator in _those(graph, rule.file_operators):
        taken = [graph.tensors[key] for key in operator.inputs if not graph.tensors[key].stored]
        largest = max(taken, key=lambda tensor: tensor.size_bytes)
        yield FileHit(operator, f"on {_told(largest.shape)}")


FILE_CHECKS: Mapping[str, FileCheck] = MappingProxyType(
    {
        "axis": _axis,
        "batched-product": _batched_product,
        "broadcast-on-product": _broadcast_on_product,
        "constant-left": _constant_left,
        "large-reduction": _large_reduction,
        "listed": _listed,
        "rank": _rank,
    }
)
"""By the names of `rapsam.export.lint.checks.CHECKS`. Others need values, or PyTorch's operators."""


def _those(graph: FileGraph, names: tuple[str, ...]) -> Iterator[FileOperator]:
    return (operator for operator in graph.operators if operator.op in names)


def _shapes(graph: FileGraph, keys: Iterable[str]) -> tuple[Shape, ...]:
    return tuple(graph.tensors[key].shape for key in keys)


def _touched(graph: FileGraph, operator: FileOperator) -> tuple[Shape, ...]:
    return _shapes(graph, (*operator.inputs, *operator.outputs))


def _told(shape: Shape) -> str:
    return "x".join(map(str, shape))


def _finding(graph: FileGraph, rule: Rule, accelerator: str, name: str, hit: FileHit) -> Finding:
    operator = hit.operator
    return msgspec.structs.replace(
        general_finding(rule, accelerator, name, hit.detail),
        module=operator.place,
        operator=operator.op,
        inputs=_shapes(graph, operator.inputs),
        outputs=_shapes(graph, operator.outputs),
        bytes_moved=bytes_moved(graph, operator),
    )
