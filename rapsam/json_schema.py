"""JSON Schemas of records, as they are published beside the code that defines them."""

from __future__ import annotations

from typing import Any

import msgspec

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(record: type[msgspec.Struct]) -> dict[str, Any]:
    """Returns the JSON Schema of a record."""
    return {"$schema": _DIALECT, "title": record.__name__, **msgspec.json.schema(record)}


def schema_text(record: type[msgspec.Struct]) -> bytes:
    """Returns the content of the file in which the schema of a record is published."""
    return msgspec.json.format(msgspec.json.encode(json_schema(record), order="sorted"), indent=2) + b"\n"
