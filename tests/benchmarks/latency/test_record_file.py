from __future__ import annotations

import contextlib
import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.benchmarks.latency.record import LatencyRecord
from rapsam.benchmarks.latency.record_file import (
    read_latency_records,
    write_latency_records,
)
from rapsam.errors import InputError
from rapsam.json_schema import json_schema
from tests.benchmarks.latency.made_up_latency import fidelity, record, stage


def refused(path, content: object) -> str:
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(InputError) as error:
        read_latency_records(path)
    message = str(error.value)
    assert "\n" not in message
    assert len(message) < 600
    return message


def changed(**changes):
    return {**msgspec.to_builtins(record()), **changes}


def test_the_schema_names_every_field_and_lets_no_other_in():
    schema = json_schema(LatencyRecord)
    (own,) = [part for name, part in schema["$defs"].items() if name == "LatencyRecord"]
    assert set(own["properties"]) == set(LatencyRecord.__struct_fields__)
    assert own["additionalProperties"] is False
    assert set(own["required"]) == set(LatencyRecord.__struct_fields__)


def test_records_come_back_as_they_were_written(tmp_path):
    records = (record(), record(stages=(), validity=None, provenance="emulated"))
    write_latency_records(tmp_path / "a.jsonl", records)
    assert read_latency_records(tmp_path / "a.jsonl") == records
    assert len((tmp_path / "a.jsonl").read_bytes().splitlines()) == 2


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"schema_version": 10**400}, "schema version 1000"),
        ({"run_id": "x"}, "no latency record"),
        ({"run_id": "ab" * 16 + "\n"}, "no latency record"),
        ({"runner": "a\nb"}, "no latency record"),
        ({"runner": "\x1b[31m"}, "no latency record"),
        ({"runner": "x" * 2000}, "no latency record"),
        ({"surprise": 1}, "no latency record"),
        ({"provenance": "guessed"}, "no latency record"),
        ({"status": "failed"}, "contradicts itself"),
        ({"error": "but it is done"}, "contradicts itself"),
        ({"provenance": "emulated"}, "times of an emulator"),
    ],
)
def test_what_is_no_record_is_refused(tmp_path, changes, says):
    assert says in refused(tmp_path / "a.jsonl", changed(**changes))


def test_a_missing_field_is_not_taken_for_unknown(tmp_path):
    content = changed()
    del content["memory"]
    assert "memory" in refused(tmp_path / "a.jsonl", content)


def test_statistics_must_be_those_of_the_samples(tmp_path):
    made = stage(1.0, 2.0, 3.0)
    better = msgspec.structs.replace(made, ms=msgspec.structs.replace(made.ms, p50=1.0))
    assert "not those of its samples" in refused(
        tmp_path / "a.jsonl", msgspec.to_builtins(record(stages=(better,)))
    )


def test_a_run_whose_self_test_failed_is_not_done(tmp_path):
    assert "self-test that failed" in refused(
        tmp_path / "a.jsonl", msgspec.to_builtins(record(fidelity=fidelity("failed")))
    )


@pytest.mark.parametrize("content", [b"", b"\n\n", b"{", b"[]", b"\xff", b"[" * 100_000, b"{}\n" * 1001])
def test_damaged_files_are_refused(tmp_path, content):
    refused(tmp_path / "a.jsonl", content)


def test_what_is_no_file_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(InputError):
            read_latency_records(path)


@given(st.data())
def test_no_change_of_a_byte_is_an_unknown_error(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("bytes") / "a.jsonl"
    content = bytearray(msgspec.json.encode(record()))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    path.write_bytes(bytes(content))
    with contextlib.suppress(InputError):
        read_latency_records(path)
