"""The rows of `few_bits`: every recipe but fp32 that the targets declare."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from rapsam.benchmarks.studies.few_bits_records import NANO, R18, R50
from rapsam.errors import UnavailableError, unknown_name
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import RECIPES, RUNTIMES, find_recipe
from rapsam.export.backends.recipes import Recipe
from rapsam.export.backends.runtimes import Runtime

FLOAT = "fp32"
LARGE_PRECISION = "w8a8"
"""Of the large networks, whose weights are made up: this one is there for its speed."""
TRAINED, TRAINED_FOR = "trained", (("onnx", "w8a8"),)
"""What the small network is trained for, and what the names of these rows end with."""


class RowPlan(NamedTuple):
    """What a row measures.

    Attributes:
        name: As in `--rows`.
        model: Variant.
        recipe: Of the newest iOS that has the precision, where the target knows any.
        trained: Whether its weights are trained for these bits first.
    """

    name: str
    model: str
    recipe: Recipe
    trained: bool = False

    @property
    def float_recipe(self) -> Recipe:
        """The recipe that it is compared with."""
        return find_recipe(self.recipe.backend, FLOAT, self.recipe.ios)


def all_rows() -> dict[str, RowPlan]:
    """Lists the rows of the small network by target, then those of the large ones."""
    newest: dict[tuple[str, str], Recipe] = {}
    for recipe in RECIPES.values():
        key = recipe.backend, recipe.precision
        if recipe.precision != FLOAT and (key not in newest or (recipe.ios or 0) > (newest[key].ios or 0)):
            newest[key] = recipe
    rows = [RowPlan("-".join(key), NANO, recipe) for key, recipe in newest.items()]
    rows += [RowPlan(f"{'-'.join(key)}-{TRAINED}", NANO, newest[key], trained=True) for key in TRAINED_FOR]
    rows += [
        RowPlan(f"{target}-{precision}-{model.removeprefix('rapsam_')}", model, recipe)
        for model in (R18, R50)
        for (target, precision), recipe in newest.items()
        if precision == LARGE_PRECISION
    ]
    return {row.name: row for row in rows}


def named_rows(names: Iterable[str]) -> tuple[RowPlan, ...]:
    """Finds rows by their names.

    Raises:
        InputError: If there is no such row.
    """
    known = all_rows()
    for name in names:
        if name not in known:
            raise unknown_name("row", name, known)
    return tuple(known[name] for name in dict.fromkeys(names))


def first_runtime(recipe: Recipe) -> Runtime:
    """Returns what runs the graphs of a recipe here.

    Raises:
        UnavailableError: If nothing does.
    """
    reasons = []
    for runtime in RUNTIMES[recipe.backend]:
        reason = runtime.cannot_run()
        if reason is None:
            return runtime
        reasons.append(f"{runtime.name}: {reason}")
    raise UnavailableError("; ".join(reasons) or f"no runtime for {recipe.backend} works on this machine")


def reason_not_here(plan: RowPlan) -> str | None:
    """Says why this machine cannot measure a row; None if it can."""
    reason = find_backend(plan.recipe.backend).unavailable()
    if reason is not None:
        return reason
    try:
        first_runtime(plan.recipe)
    except UnavailableError as error:
        return str(error)
    return None
