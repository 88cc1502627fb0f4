"""What programs print, checked by a validator that knows nothing of this toolkit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema


def read_schema(path: Path) -> dict[str, Any]:
    """Reads a published schema, which must be one."""
    schema: dict[str, Any] = json.loads(path.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return schema


def assert_valid(content: object, path: Path) -> None:
    """Checks what was read from JSON against a published schema."""
    jsonschema.Draft202012Validator(read_schema(path)).validate(content)
