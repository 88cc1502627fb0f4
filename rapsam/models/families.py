"""The table of model families. A new one is its folder and a line here."""

from __future__ import annotations

from rapsam.errors import unknown_name
from rapsam.models.family import Family
from rapsam.models.rapsam.family import RAPSAM
from rapsam.models.sam.family import SAM

FAMILIES: dict[str, Family] = {"rapsam": RAPSAM, "sam": SAM}


def family_of(variant: str) -> Family:
    """Finds the family of a variant.

    Raises:
        InputError: If no family has it.
    """
    for family in FAMILIES.values():
        if variant in family.variants:
            return family
    raise unknown_name("model", variant, variant_names())


def variant_names() -> tuple[str, ...]:
    """Lists the variants of all families."""
    return tuple(variant for family in FAMILIES.values() for variant in family.variants)
