"""What people call a run and a device."""

from __future__ import annotations

import msgspec
import pytest

from rapsam.benchmarks.latency.names import device_name, run_name, runtime_name
from tests.benchmarks.latency.made_up_latency import record

change = msgspec.structs.replace


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({}, "a processor"),
        ({"soc": None}, "linux"),
        ({"model": "SM-1", "id": "0123"}, "SM-1 (0123)"),
        ({"model": "SM-1", "marketing_name": "A phone"}, "A phone"),
    ],
)
def test_devices(facts, name):
    assert device_name(change(record().device, **facts)) == name


@pytest.mark.parametrize(
    ("threads", "name"),
    [
        (1, "onnx-tiny, ONNX Runtime, 1 thread"),
        (2, "onnx-tiny, ONNX Runtime, 2 threads"),
        (None, "onnx-tiny, ONNX Runtime"),
    ],
)
def test_runs(threads, name):
    assert run_name(record(compute=change(record().compute, threads=threads))) == name


def test_a_version_that_is_not_known_is_said_to_be():
    assert runtime_name(record()) == "ONNX Runtime 1"
    unknown = record(runtime=change(record().runtime, version=None))
    assert runtime_name(unknown) == "ONNX Runtime (version unknown)"
