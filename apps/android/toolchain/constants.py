"""The constants of a class file."""

from __future__ import annotations

import ast
import math
import re
import struct

_NOT_FINITE = {"0.0/0.0": math.nan, "1.0/0.0": math.inf, "-1.0/0.0": -math.inf}
_WIDE = (5, 6)
"""Tags of constants that count twice: long and double."""


class ConstantPool:
    """Constants in the order in which they are first asked for, each once."""

    def __init__(self) -> None:
        self._places: dict[bytes, int] = {}
        self._next = 1

    def content(self) -> bytes:
        """Returns it as a class file has it."""
        return struct.pack(">H", self._next) + b"".join(self._places)

    def text(self, text: str) -> int:
        """Returns the number of a text."""
        # Java's own UTF-8: zero takes two bytes, and each half of a pair of surrogates three.
        halves = text.encode("utf-16-be", "surrogatepass")
        units = (chr(int.from_bytes(halves[place : place + 2], "big")) for place in range(0, len(halves), 2))
        written = b"".join(
            b"\xc0\x80" if unit == "\0" else unit.encode("utf-8", "surrogatepass") for unit in units
        )
        return self.add(1, struct.pack(">H", len(written)) + written)

    def class_name(self, internal: str) -> int:
        """Returns the number of a class, by its internal name."""
        return self.add(7, struct.pack(">H", self.text(internal)))

    def add(self, tag: int, content: bytes) -> int:
        """Returns the number of a constant."""
        entry = bytes([tag]) + content
        if entry not in self._places:
            self._places[entry] = self._next
            self._next += 2 if tag in _WIDE else 1
        return self._places[entry]


def constant_value(pool: ConstantPool, descriptor: str, text: str) -> int | None:
    """Adds the value of a constant field.

    Args:
        pool: Where to.
        descriptor: Of the field's type.
        text: The value as the API has it.

    Returns:
        Its number; None for a type that has no constants.
    """
    text = text.strip()
    if descriptor == "Ljava/lang/String;":
        return pool.add(8, struct.pack(">H", pool.text(ast.literal_eval(text))))
    if descriptor == "J":
        return pool.add(5, struct.pack(">q", int(text.rstrip("Ll"), 0)))
    if descriptor == "D":
        return pool.add(6, struct.pack(">d", _real(text)))
    if descriptor == "F":
        return pool.add(4, struct.pack(">f", _real(text)))
    if descriptor in ("Z", "B", "S", "C", "I"):
        return pool.add(3, struct.pack(">i", _whole(text)))
    return None


def _whole(text: str) -> int:
    if text in ("true", "false"):
        return int(text == "true")
    return ord(ast.literal_eval(text)) if "'" in text else int(re.sub(r"^\(\w+\) *", "", text), 0)


def _real(text: str) -> float:
    text = re.sub(r"(?<=\d)[fFdD]", "", text.strip("()"))
    return _NOT_FINITE[text] if "/" in text else float(text)
