"""Parts of a graph that keep their precision, or lose it, together: by role, else by layers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import msgspec

from rapsam.models.parts import PartRole
from rapsam.quantize.policy import PRODUCTS, Choice, module_of

_DEPTH = 2
"""Names of modules are cut to so many words, as in "backbone.layer1"."""


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """Modules of one graph.

    Attributes:
        name: The graph with the role or the layers, as in "panoptic: pooling"; no two are equal.
        graph: The graph.
        modules: Names, sorted.
        macs: Multiply-adds of what could have few bits in them, each module's by its place.
    """

    name: str
    graph: str
    modules: tuple[str, ...]
    macs: tuple[int, ...]

    @property
    def total_macs(self) -> int:
        """Multiply-adds of all modules."""
        return sum(self.macs)

    def split(self) -> tuple[Unit, ...]:
        """Makes a unit of every module."""
        return tuple(
            Unit(name=f"{self.graph}: {module}", graph=self.graph, modules=(module,), macs=(macs,))
            for module, macs in zip(self.modules, self.macs, strict=True)
        )


def units_of(
    graph: str, choice: Choice, parts: Mapping[PartRole, str], macs: Mapping[str, int]
) -> tuple[Unit, ...]:
    """Groups what gets few bits.

    Args:
        graph: Name of the graph.
        choice: What becomes of its operators. Those that only move or add up follow the others: they belong
            to no unit.
        parts: Of the family; a module belongs to the first role that takes it.
        macs: Of each operator, by node.

    Returns:
        Units in the graph's order; no module is in two.
    """
    modules: dict[str, int] = {}
    for node, kind in {**choice.integers, **choice.small_weights}.items():
        if kind in PRODUCTS:
            module = module_of(node)
            modules[module] = modules.get(module, 0) + macs[node.name]
    grouped: dict[str, list[str]] = {}
    for module in modules:
        grouped.setdefault(_group(module, parts), []).append(module)
    return tuple(_unit(graph, group, sorted(names), modules) for group, names in grouped.items())


def _group(module: str, parts: Mapping[PartRole, str]) -> str:
    role = next((role for role, pattern in parts.items() if re.search(pattern, module)), None)
    return role or ".".join(module.split(".")[:_DEPTH]) or "the graph itself"


def _unit(graph: str, group: str, names: Iterable[str], macs: Mapping[str, int]) -> Unit:
    names = tuple(names)
    return Unit(
        name=f"{graph}: {group}", graph=graph, modules=names, macs=tuple(macs[name] for name in names)
    )
