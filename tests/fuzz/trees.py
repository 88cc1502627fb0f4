"""Damage to JSON that keeps its structure: other types, sizes, names and depths at one place of a tree."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

_DEEP = 3000
_DIGITS = 5000


def hostile_values() -> list[Any]:
    """Values that no field expects; made anew, since trees are changed in place."""
    return [
        *(
            None,
            True,
            False,
            0,
            1,
            2,
            7,
            -1,
            1.0,
            1.5,
            -0.0,
            1e308,
            2**31,
            2**32,
            2**53 + 1,
            2**63,
            2**64,
            -(2**63),
        ),
        *(float("nan"), float("inf"), float("-inf"), 10**400),
        *(
            "",
            "0",
            "1",
            "x",
            "\x1b[31m",
            "\x1b]0;t\x07",
            "a\nb",
            "\0",
            "\u202e",
            "\ud800",
            "é" * 300,
            "x" * 100_000,
        ),
        *(
            "../../etc/passwd",
            "/etc/passwd",
            "/dev/zero",
            "..",
            ".",
            "~",
            "a/../../b",
            "C:\\x",
            "//x",
            "a\0b",
        ),
        *(
            [],
            {},
            [[]],
            [{}],
            [None],
            {"": {}},
            [1, 2, 3],
            [0] * 5000,
            {"a": 1},
            [[[[[]]]]],
            {"size": [1, 1]},
        ),
        *({"size": [24, 32], "counts": "garbage!"}, {"size": [24, 32], "counts": [0, 10**9]}),
        *({"size": [10**9, 10**9], "counts": "0"}, {"size": [24, 32], "counts": [-5, 773]}),
        *([[1e308] * 8], [[float("nan")] * 6], [[0, 0]], [[1, 2, 3]], [[-1e9, -1e9, 1e9, -1e9, 1e9, 1e9]]),
    ]


def places(tree: Any, at: Path = ()) -> Iterator[Path]:
    """Every place of a tree but its root."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in inner:
        yield (*at, key)
        yield from places(value, (*at, key))


def parent_of(tree: Any, place: Path) -> Any:
    for key in place[:-1]:
        tree = tree[key]
    return tree


def _pick(rng: random.Random, tree: Any) -> Path:
    """A place, each depth as likely as any other: else long lists of leaves would take all."""
    found = list(places(tree))
    depths = sorted({len(place) for place in found})
    depth = rng.choice(depths)
    return rng.choice([place for place in found if len(place) == depth])


def changed(rng: random.Random, tree: Any, most: int = 2) -> tuple[Any, str]:
    """Changes a copy of a tree at up to `most` places; gives it, and what was done."""
    tree, notes = copy.deepcopy(tree), []
    for _ in range(rng.randint(1, most)):
        if not isinstance(tree, dict | list) or not tree:
            break
        place = _pick(rng, tree)
        notes.append(f"{'.'.join(map(str, place))}: {_change(rng, tree, place)}")
    return tree, "; ".join(notes)


def _change(rng: random.Random, tree: Any, place: Path) -> str:
    parent, key = parent_of(tree, place), place[-1]
    action = rng.choice(("value", "value", "value", "type", "remove", "double", "swap", "unknown"))
    if action == "remove":
        del parent[key]
    elif action == "double" and isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    elif action == "swap":
        other = _pick(rng, tree)
        parent[key] = copy.deepcopy(parent_of(tree, other)[other[-1]])
    elif action == "unknown" and isinstance(parent, dict):
        parent[rng.choice(("x", "", "\x1b[1m", "__class__"))] = rng.choice(hostile_values())
    elif action == "type":
        parent[key] = _of_another_type(parent[key])
    else:
        action = "value"
        values = hostile_values()
        # What has the right type gets further than what has not.
        alike = [value for value in values if _json_type(value) == _json_type(parent[key])]
        parent[key] = rng.choice(alike if alike and rng.random() < 0.6 else values)
    return f"{action} {ascii(parent.get(key) if isinstance(parent, dict) else '')[:60]}"


def _json_type(value: Any) -> str:
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def _of_another_type(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int):
        return [str(value), float(value), bool(value), [value]][value % 4]
    if isinstance(value, str):
        return [value, list(value[:50])][len(value) % 2]
    return {str(place): item for place, item in enumerate(value)} if isinstance(value, list) else [value]


def encoded(rng: random.Random, tree: Any) -> tuple[bytes, str]:
    """Writes a tree as JSON: as a rule well, at times as no writer should."""
    text = json.dumps(tree)
    data = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.8:
        return data, ""
    forms = {
        "BOM": b"\xef\xbb\xbf" + data,
        "UTF-16": text.encode("utf-16", "surrogatepass"),
        "trailing garbage": data + b"}]\x1b[31m",
        "truncated": data[: rng.randrange(len(data))],
        "deep": data[:-1] + b', "deep": ' + b"[" * _DEEP + b"]" * _DEEP + b"}",
        "very deep": b"[" * 200_000,
        "long integer": data.replace(b": 1", b": " + b"1" * _DIGITS, 1),
        "long integer at the root": b"9" * _DIGITS,
        "long exponent": data.replace(b": 1", b": 1e99999", 1),
        "repeated keys": data[:-1] + b"," + data[1:] if data[:1] == b"{" else data * 2,
        "Latin-1": b'{"images": "\xe9\xff"}',
        "NUL": data.replace(b" ", b"\0", 1),
        "empty": b"",
        "null": b"null",
        "a number": b"1",
    }
    name = rng.choice(sorted(forms))
    return forms[name], name
