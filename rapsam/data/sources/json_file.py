"""Reading the JSON files of data sets, which may come from anywhere."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import TypeVar

import msgspec

from rapsam.data.coco_records import Key
from rapsam.data.limits import check_file
from rapsam.data.sources.faulty_entries import Entries, FaultyEntries, with_placeholders
from rapsam.data.sources.json_repair import repaired_json
from rapsam.errors import JSON_ERRORS, InputError, reading

MAX_BYTES = 2 * 1024**3
"""The largest published file, the instances of COCO train2017, has 0.45 GB."""

Content = TypeVar("Content")
Entry = TypeVar("Entry", bound=Hashable)


def read_json(path: Path, kind: type[Content], entries: Entries) -> tuple[Content, FaultyEntries]:
    """Decodes an annotation file; fields that `kind` does not name are skipped.

    What only other tools take, such as NaN, is read as `repaired_json` has it. Where one of `entries` is
    faulty, something that can be decoded stands in its place.

    While it decodes, memory holds the file and the result; afterwards the file only where `kind` keeps
    parts of it as `msgspec.Raw`.

    Args:
        path: The file, at most `MAX_BYTES`.
        kind: What it holds.
        entries: The annotations or segments of which each may be faulty by itself.

    Returns:
        What it holds, and what is wrong with the entries that are faulty.

    Raises:
        InputError: If the file is missing, too large, no JSON, or a field outside of `entries` is missing
            or of a wrong type; the message names the field.
    """
    check_file(path, "annotation")
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise InputError(
            f"{path} has {size:,} bytes; expected an annotation file of at most {MAX_BYTES:,}: split it"
        )
    with reading(path, "a JSON file of annotations: fetch it again"):
        text = path.read_bytes()
        try:
            return msgspec.json.decode(text, type=kind), FaultyEntries(path)
        except msgspec.DecodeError:
            return _decode_repaired(path, repaired_json(text), kind, entries)
        except JSON_ERRORS as error:
            raise _damaged(path, error) from error


def _decode_repaired(
    path: Path, text: bytes, kind: type[Content], entries: Entries
) -> tuple[Content, FaultyEntries]:
    try:
        # Good files are decoded once; only for others is it worth to look at each entry.
        if (content := _decoded(text, kind)) is not None:
            return content, FaultyEntries(path)
        text, faulty = with_placeholders(path, text, entries)
        return msgspec.json.decode(text, type=kind), faulty
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {error}; mend that field, or fetch the file again") from error
    except JSON_ERRORS as error:
        raise _damaged(path, error) from error


def _decoded(text: bytes, kind: type[Content]) -> Content | None:
    """Decodes JSON; None if it holds anything else."""
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        return None


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is damaged: {error}; expected a JSON file of annotations: fetch it again")


def repeated(values: Iterable[Entry]) -> set[Entry]:
    """Returns the values that occur more than once."""
    return {value for value, count in Counter(values).items() if count > 1}


def as_number(key: Key, place: int) -> int:
    """Returns an id that is a number as it is; for a name, its owner's place in the file from 0."""
    return key if isinstance(key, int) else place
