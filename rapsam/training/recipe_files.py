"""Recipes: those of the package by name, others as TOML files, with single values changed on the way."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from rapsam.errors import InputError, unknown_name
from rapsam.training.config import RunConfig

_FOLDER = Path(__file__).with_name("recipes")
_MAX_BYTES = 1 << 20


def recipe_names() -> list[str]:
    """Lists the recipes of the package."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def load_recipe(recipe: str | Path, changes: Sequence[str] = ()) -> RunConfig:
    """Reads a recipe; one with the key `base` has all that it does not say from that recipe of the package.

    Args:
        recipe: Name of one of the package, or a `.toml` file.
        changes: "optimiser.lr=1e-3" and the like; values as in JSON, or plain text.

    Raises:
        InputError: If there is no such recipe, a key is unknown, or a value is out of its range.
    """
    path = Path(recipe)
    if path.suffix != ".toml":
        if str(recipe) not in recipe_names():
            raise unknown_name("recipe", str(recipe), recipe_names())
        path = _FOLDER / f"{recipe}.toml"
    table = _read(path)
    if "base" in table:
        base = table.pop("base")
        if base not in recipe_names():
            raise unknown_name("base recipe", str(base), recipe_names())
        table = _merged(_read(_FOLDER / f"{base}.toml"), table)
    for change in changes:
        _change(table, change)
    try:
        return msgspec.convert(table, RunConfig)
    except msgspec.ValidationError as error:
        where = " with ".join([str(path), *changes])
        raise InputError(f"{where}: {error}; rapsam/training/config.py lists the keys") from error


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is larger than 1 MiB; expected a recipe")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; expected a recipe in TOML") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is no TOML: {error}; mend the line") from error


def _merged(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """Gives what `table` says, and the rest as `base` says it, key by key in tables too; lists are whole."""
    result = {**base, **table}
    for key, value in table.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            result[key] = _merged(below, value)
    return result


def _change(table: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise InputError(f"change {change!r} has no '='; expected KEY=VALUE such as optimiser.lr=1e-3")
    *parents, last = key.strip().split(".")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise InputError(f"change {change!r}: {parent!r} is no table of the recipe")
    try:
        table[last] = json.loads(text)
    except json.JSONDecodeError:
        table[last] = text
