"""Entries of an annotation file that are faulty, while the file and its other entries are fine.

A faulty entry is told by its places: those in the lists that lead to it, from the top of the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import msgspec

from rapsam.data.sources.faults import DataSetError
from rapsam.errors import JSON_ERRORS, printable, shortened

# For fields that are missing or faulty; the text comes first, for it is the id of no image.
_PLACEHOLDERS = (b'""', b"0")


class Entries(NamedTuple):
    """The entries of a file of which each may be faulty by itself.

    Attributes:
        route: Names of the lists that lead to them, from the top of the file.
        kind: What each of them is.
    """

    route: tuple[str, ...]
    kind: type[msgspec.Struct]


class FaultyEntries:
    """What is wrong with the faulty entries of a file.

    Args:
        path: The file, for messages.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._messages: dict[tuple[int, ...], str] = {}

    def __contains__(self, places: tuple[int, ...]) -> bool:
        """Tells whether an entry is faulty."""
        return places in self._messages

    def __len__(self) -> int:
        """Number of faulty entries."""
        return len(self._messages)

    def note(self, places: tuple[int, ...], field: str, error: Exception) -> None:
        """Notes what is wrong with an entry."""
        reason = shortened(printable(str(error)))
        self._messages[places] = f"{self._path}: {field}: {reason}; mend that field or remove the entry"

    def fault(self, *places: int) -> DataSetError | None:
        """Returns the fault of an entry; None if it has none."""
        message = self._messages.get(places)
        return None if message is None else DataSetError("invalid entry", message)

    def check(self, *places: int) -> None:
        """Raises `DataSetError` if an entry is faulty."""
        if fault := self.fault(*places):
            raise fault


def with_placeholders(path: Path, text: bytes, entries: Entries) -> tuple[bytes, FaultyEntries]:
    """Replaces the faulty entries of a file by such as can be decoded.

    Of a faulty entry the fields stay that are right by themselves, so that its owner and its id are known
    where they can be.

    Args:
        path: The file, for messages.
        text: What it holds.
        entries: Which of its entries may be faulty.

    Returns:
        The text of the file, and what was replaced. What is wrong outside of these entries is left as it is.
    """
    faulty = FaultyEntries(path)
    return bytes(_repaired(msgspec.Raw(text), entries, (), "", faulty)), faulty


def _repaired(
    raw: msgspec.Raw, entries: Entries, places: tuple[int, ...], field: str, faulty: FaultyEntries
) -> msgspec.Raw:
    """Mends an object that holds a list of the route; `places` has the lists that lead to the object."""
    name, is_last = entries.route[len(places)], len(places) + 1 == len(entries.route)
    try:
        content = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        listed = msgspec.json.decode(content[name], type=list[msgspec.Raw])
    except (KeyError, *JSON_ERRORS):
        return raw
    for place, entry in enumerate(listed):
        here, where = (*places, place), f"{field}{name}[{place}]"
        if not is_last:
            listed[place] = _repaired(entry, entries, here, f"{where}.", faulty)
            continue
        try:
            msgspec.json.decode(entry, type=entries.kind)
        except JSON_ERRORS as error:
            faulty.note(here, where, error)
            listed[place] = _placeholder(entry, entries.kind)
    content[name] = msgspec.Raw(msgspec.json.encode(listed))
    return msgspec.Raw(msgspec.json.encode(content))


def _placeholder(raw: msgspec.Raw, kind: type[msgspec.Struct]) -> msgspec.Raw:
    try:
        given = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except JSON_ERRORS:
        given = {}
    fields = {}
    for field in msgspec.structs.fields(kind):
        candidates = [given[field.name]] if field.name in given else []
        candidates += [msgspec.Raw(text) for text in _PLACEHOLDERS] if field.required else []
        right = (candidate for candidate in candidates if _is_right(candidate, field.type))
        if (value := next(right, None)) is not None:
            fields[field.encode_name] = value
    return msgspec.Raw(msgspec.json.encode(fields))


def _is_right(raw: msgspec.Raw, kind: object) -> bool:
    try:
        msgspec.json.decode(raw, type=kind)
    except JSON_ERRORS:
        return False
    return True
