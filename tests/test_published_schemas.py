"""The schemas in the repository are those of the records as they are now, and let no other field in."""

from __future__ import annotations

import jsonschema
import pytest

from rapsam.benchmarks.compare import comparison
from rapsam.benchmarks.latency import record_file
from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.export.lint import report
from rapsam.json_schema import schema_text
from tests.published_schemas import read_schema

SCHEMAS = (
    (comparison.Comparison, comparison),
    (LatencyRecord, record_file),
    (report.LintReport, report),
)


@pytest.mark.parametrize(("record", "module"), SCHEMAS, ids=lambda value: value.__name__)
def test_a_published_schema_is_current_and_strict(record, module):
    assert module.SCHEMA_FILE.read_bytes() == schema_text(record), f"run: python -m {module.__name__}"
    schema = read_schema(module.SCHEMA_FILE)
    assert schema["title"] == record.__name__
    structs = [part for part in schema["$defs"].values() if part.get("type") == "object"]
    assert all(part["additionalProperties"] is False for part in structs if "properties" in part)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({}, schema)
