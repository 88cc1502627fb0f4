"""Android's public API as its source states it: the text file `core/api/current.txt`, format 2.0."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

MODIFIERS = frozenset(
    ("public", "private", "protected", "static", "final", "volatile", "transient", "abstract")
)
_WITHOUT_FLAG = frozenset(("synchronized", "native", "strictfp", "default", "deprecated", "sealed"))
_ARGUMENT_NAME = re.compile(r".*[\w>\]] [a-zA-Z_]\w*$")
_ANNOTATION = re.compile(r"^@[\w.$]*")
_BOUND = re.compile(r"(extends|super) [\w.]+$")


class ApiField(NamedTuple):
    """A field; `value` is the text behind the equals sign, "" where there is none."""

    name: str
    type: str
    modifiers: frozenset[str]
    value: str
    is_enum_constant: bool


class ApiMethod(NamedTuple):
    """A method, or a constructor: its name is "<init>"."""

    name: str
    modifiers: frozenset[str]
    parameters: str
    """Type parameters, without the brackets."""
    returns: str
    arguments: tuple[str, ...]
    throws: tuple[str, ...]


class ApiClass(NamedTuple):
    """A class, an interface, an enum or an annotation; `name` as in "Manifest.permission"."""

    package: str
    name: str
    kind: str
    modifiers: frozenset[str]
    parameters: str
    extends: tuple[str, ...]
    implements: tuple[str, ...]
    fields: list[ApiField]
    methods: list[ApiMethod]

    @property
    def is_interface(self) -> bool:
        """Whether it is an interface or an annotation."""
        return self.kind in ("interface", "@interface")

    @property
    def around(self) -> tuple[str, ...]:
        """Full names of the classes that it lies in, the outermost first."""
        parts = self.name.split(".")
        return tuple(f"{self.package}.{'.'.join(parts[:count])}" for count in range(1, len(parts)))


def read_signatures(text: str) -> dict[str, ApiClass]:
    """Reads the file.

    Args:
        text: Of it.

    Returns:
        Full name, as in "android.Manifest.permission", to class.
    """
    found: dict[str, ApiClass] = {}
    package, current = "", None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip(" "))
        words = _without_annotations(line.strip())
        if words.startswith("package "):
            package = words[len("package ") :].rstrip("{ ")
        elif indent == 2 and words.endswith("{"):
            current = _read_class(package, words[:-1].strip())
            found[f"{package}.{current.name}"] = current
        elif indent == 4 and ";" in words:
            assert current is not None, line
            _read_member(current, words)
    return found


def split_outside(text: str, separator: str = ",") -> list[str]:
    """Splits at a separator that stands outside of angle brackets."""
    parts, depth, start = [], 0, 0
    for place, char in enumerate(text):
        depth += (char == "<") - (char == ">")
        if char == separator and depth == 0:
            parts.append(text[start:place])
            start = place + 1
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def closing(text: str, start: int, pair: Literal["<>", "()"]) -> int:
    """Finds the bracket that closes the one at `start`; those in quotes do not count."""
    depth, place = 0, start
    while place < len(text):
        if text[place] == '"':
            place = _end_of_text(text, place)
        depth += (text[place] == pair[0]) - (text[place] == pair[1])
        if depth == 0:
            return place
        place += 1
    raise ValueError(f"no {pair[1]} in {text}")


def _end_of_text(text: str, start: int) -> int:
    place = start + 1
    while text[place] != '"':
        place += 2 if text[place] == "\\" else 1
    return place


def _without_annotations(text: str) -> str:
    kept, place = "", 0
    while place < len(text):
        end = place
        if text[place] == '"':
            end = _end_of_text(text, place)
        elif text[place] == "@" and not text.startswith("@interface", place):
            place += len(text[place:]) - len(_ANNOTATION.sub("", text[place:], count=1))
            if text.startswith("(", place):
                place = closing(text, place, "()") + 1
            place += len(text[place:]) - len(text[place:].lstrip(" "))
            continue
        kept += text[place : end + 1]
        place = end + 1
    return kept


def _taken_modifiers(text: str) -> tuple[frozenset[str], str]:
    taken: set[str] = set()
    while (word := text.split(" ", 1)[0]) in MODIFIERS | _WITHOUT_FLAG:
        taken.add(word)
        text = text[len(word) :].strip()
    return frozenset(taken), text


def _read_class(package: str, text: str) -> ApiClass:
    modifiers, text = _taken_modifiers(text)
    kind, _, text = text.partition(" ")
    head = next(_split_words(text))
    tail = text[len(head) :]
    name, _, parameters = head.partition("<")
    extends = re.search(r" extends (.*?)(?= implements |$)", tail)
    implements = re.search(r" implements (.*)$", tail)
    return ApiClass(
        package,
        name,
        kind,
        modifiers,
        parameters[:-1],
        tuple(_split_words(extends[1])) if extends else (),
        tuple(_split_words(implements[1])) if implements else (),
        [],
        [],
    )


def _split_words(text: str) -> Iterator[str]:
    for part in split_outside(text):
        yield from split_outside(part, " ")


def _read_member(owner: ApiClass, text: str) -> None:
    text = re.sub(r"; *//.*$", ";", text).rstrip(";").strip()
    kind, _, text = text.partition(" ")
    modifiers, text = _taken_modifiers(text)
    if kind in ("field", "enum_constant"):
        left, _, value = text.partition(" = ")
        type_name, name = left.rsplit(" ", 1)
        owner.fields.append(ApiField(name, type_name, modifiers, value, kind == "enum_constant"))
    elif kind in ("method", "ctor"):
        owner.methods.append(_read_method(kind, modifiers, text))


def _read_method(kind: str, modifiers: frozenset[str], text: str) -> ApiMethod:
    text, _, throws = text.partition(" throws ")
    parameters = ""
    if text.startswith("<"):
        end = closing(text, 0, "<>")
        parameters, text = text[1:end], text[end + 1 :].strip()
    start = text.index("(")
    end = closing(text, start, "()")
    returns, name = ("void", "<init>") if kind == "ctor" else text[:start].strip().rsplit(" ", 1)
    arguments = tuple(_argument_type(argument) for argument in split_outside(text[start + 1 : end]))
    return ApiMethod(name, modifiers, parameters, returns, arguments, tuple(split_outside(throws)))


def _argument_type(text: str) -> str:
    """Drops the name of an argument, which few have."""
    text = re.sub(r"^(vararg|final) ", "", text)
    has_name = _ARGUMENT_NAME.match(text) and not _BOUND.search(text)
    return text.rsplit(" ", 1)[0] if has_name else text
