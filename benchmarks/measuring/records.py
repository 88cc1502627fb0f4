"""Records of measurements, with the conditions under which they were taken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from rapsam.errors import JSON_ERRORS, InputError
from rapsam.files import write_json

SCHEMA_VERSION = 2
RESULTS = Path(__file__).resolve().parents[1] / "results"


class Versioned(msgspec.Struct, frozen=True, kw_only=True):
    """Content of a file of records.

    Attributes:
        schema_version: Version of the format.
        command: What measured, as typed.
    """

    schema_version: int
    command: str


Records = TypeVar("Records", bound=Versioned)


def now_utc() -> str:
    """Returns the time to the second, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_records(path: Path, records: Versioned) -> None:
    """Writes records as readable JSON, in full or not at all."""
    write_json(path, records)


def read_records(path: Path, kind: type[Records]) -> Records:
    """Reads a file of records of one kind.

    Raises:
        InputError: If the file is missing, damaged or of another schema.
    """
    try:
        records = msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; run the measurement first") from error
    except JSON_ERRORS as error:
        raise InputError(f"{path} is no file of {kind.__name__} ({error}); measure again") from error
    if records.schema_version != SCHEMA_VERSION:
        raise InputError(
            f"{path} has schema version {records.schema_version}; expected {SCHEMA_VERSION}: measure again"
        )
    return records


def records_or(path: Path, nothing: Records) -> Records:
    """Reads a file of records, or returns `nothing`, which has none, where there is no file.

    Raises:
        InputError: If the file is damaged or of another schema.
    """
    return read_records(path, type(nothing)) if path.exists() else nothing
