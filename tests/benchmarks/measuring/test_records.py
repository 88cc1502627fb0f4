"""Files of records."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.measuring.records import SCHEMA_VERSION, read_records, write_records
from rapsam.benchmarks.studies.export_matrix import ExportRecords
from rapsam.errors import InputError
from tests.benchmarks.made_up_records import export_record


def test_records_survive_the_way_to_disk(tmp_path):
    records = ExportRecords(schema_version=SCHEMA_VERSION, command="x", records=(export_record(min_pq=0.5),))
    write_records(tmp_path / "r.json", records)
    assert read_records(tmp_path / "r.json", ExportRecords) == records


@pytest.mark.parametrize("content", ["", "{}", '{"schema_version": 9, "command": "", "records": []}'])
def test_damaged_records_are_refused(tmp_path, content):
    (tmp_path / "r.json").write_text(content)
    with pytest.raises(InputError, match="measure again"):
        read_records(tmp_path / "r.json", ExportRecords)
