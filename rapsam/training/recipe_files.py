"""Recipes: those of the package by name, others as TOML files, with single values changed on the way."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from rapsam.errors import JSON_ERRORS, InputError, printable, quoted, reason_of, shortened, unknown_name
from rapsam.training.config import RunConfig

_FOLDER = Path(__file__).with_name("recipes")
_MAX_BYTES = 1 << 20
_DEEPEST = 4
_MOST_DOTS = 256


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
    table = _completed(_read(path))
    for change in changes:
        _change(table, change)
    try:
        return msgspec.convert(table, RunConfig)
    except (*JSON_ERRORS, OverflowError) as error:
        where = " with ".join([str(path), *map(shortened, changes)])
        raise InputError(
            f"{where}: {shortened(printable(str(error)))}; rapsam/training/config.py lists the keys"
        ) from error


def _read(path: Path) -> dict[str, Any]:
    try:
        # A pipe or a device would be waited for, or read for ever.
        if path.exists() and not path.is_file():
            raise InputError(f"{path} is no plain file; expected a recipe in TOML")
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path} is larger than 1 MiB; expected a recipe")
        text = path.read_text(encoding="utf-8")
        # tomllib takes minutes for keys of many thousand parts.
        keys = (line.partition("=")[0].partition("#")[0] for line in text.splitlines())
        if any(key.count(".") > _MOST_DOTS for key in keys):
            raise InputError(f"{path} has a key with more than {_MOST_DOTS} dots; expected a recipe in TOML")
        return tomllib.loads(text)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; expected a recipe in TOML") from error
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is no TOML: {reason_of(error)}; mend the line") from error
    except RecursionError as error:
        raise InputError(f"{path} is no TOML of a recipe: nested too deep; mend it") from error
    except ValueError as error:
        raise InputError(
            f"{path} is no TOML of a recipe: integers of thousands of digits, or no UTF-8; mend the line"
        ) from error


def _completed(table: dict[str, Any]) -> dict[str, Any]:
    """Adds what a recipe has from its base, which may have one too."""
    if "base" not in table:
        return table
    base = table.pop("base")
    if base not in recipe_names():
        raise unknown_name("base recipe", str(base), recipe_names())
    return _merged(_completed(_read(_FOLDER / f"{base}.toml")), table)


def _merged(base: dict[str, Any], table: dict[str, Any]) -> dict[str, Any]:
    """Merges tables key by key, at any depth: `table` before `base`; a list is one value."""
    result = {**base, **table}
    for key, value in table.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            result[key] = _merged(below, value)
    return result


def _change(table: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    if not equals:
        raise InputError(f"change {quoted(change)} has no '='; expected KEY=VALUE such as optimiser.lr=1e-3")
    *parents, last = key.strip().split(".")
    if len(parents) > _DEEPEST:
        raise InputError(f"change {quoted(change)} has {len(parents)} dots; expected KEY=VALUE of the recipe")
    for parent in parents:
        table = table.setdefault(parent, {})
        if not isinstance(table, dict):
            raise InputError(f"change {quoted(change)}: {quoted(parent)} is no table of the recipe")
    try:
        table[last] = json.loads(text)
    except json.JSONDecodeError:
        table[last] = text
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"change {quoted(change)} cannot be read ({reason_of(error)}); expected a value as in JSON"
        ) from error
