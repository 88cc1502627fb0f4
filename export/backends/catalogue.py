"""What the targets declare, taken together: their names, recipes, precisions and runtimes."""

from __future__ import annotations

from rapsam.errors import InputError, unknown_name
from rapsam.export.backends import BACKENDS
from rapsam.export.backends.base import Backend
from rapsam.export.backends.recipes import Recipe
from rapsam.export.backends.runtimes import Runtime

TARGETS: tuple[str, ...] = tuple(BACKENDS)
RECIPES: dict[str, Recipe] = {
    recipe.name: recipe for backend in BACKENDS.values() for recipe in backend.facts.recipes
}
RUNTIMES: dict[str, tuple[Runtime, ...]] = {name: backend.runtimes for name, backend in BACKENDS.items()}
# Names that say too little, with what they could mean.
_AMBIGUOUS = {"int8": "w8a8 (weights and activations), w8a16 (16-bit activations) or w8 (weights only)"}


def find_target(name: str) -> Backend:
    """Finds a target by its name.

    Raises:
        InputError: If there is no such target.
    """
    if name not in BACKENDS:
        raise unknown_name("target", name, TARGETS)
    return BACKENDS[name]


def precisions(target: str) -> tuple[str, ...]:
    """Lists the precisions of a target, in the order in which it declares them."""
    return tuple(dict.fromkeys(recipe.precision for recipe in find_target(target).facts.recipes))


def ios_versions(target: str) -> tuple[int, ...]:
    """Lists the versions of iOS that a target can be exported for; empty for a format of other systems."""
    versions = {recipe.ios for recipe in find_target(target).facts.recipes if recipe.ios is not None}
    return tuple(sorted(versions))


def find_recipe(target: str, precision: str | None = None, ios: int | None = None) -> Recipe:
    """Finds the recipe of a target at a precision.

    Args:
        target: One of `TARGETS`.
        precision: One of its `precisions`; its default if None.
        ios: One of its `ios_versions`; if None its default, or the oldest that has the precision. Targets
            without any ignore it.

    Raises:
        InputError: If one of the three is unknown.
    """
    facts, versions = find_target(target).facts, ios_versions(target)
    wanted = facts.default_precision if precision is None else precision
    found = {recipe.ios: recipe for recipe in facts.recipes if recipe.precision == wanted}
    if not found:
        raise _unknown_precision(target, wanted)
    if not versions:
        return found[None]
    if ios is None:
        return found.get(facts.default_ios) or found[min(version for version in found if version is not None)]
    if ios not in found:
        raise InputError(f"iOS {ios} is no deployment target of {wanted}; choose one of {list(found)}")
    return found[ios]


def _unknown_precision(target: str, precision: str) -> InputError:
    known, refused = precisions(target), find_target(target).facts.refused
    if precision in refused:
        return InputError(f"no {precision} for target {target}: {refused[precision]}")
    if precision not in _AMBIGUOUS:
        return unknown_name("precision", precision, known)
    return InputError(
        f"precision {precision!r} does not say what has 8 bits: {_AMBIGUOUS[precision]}; "
        f"target {target} has {', '.join(known)}"
    )
