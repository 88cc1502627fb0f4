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


@pytest.mark.parametrize(
    ("name", "version", "told"),
    [
        ("ONNX Runtime", "1", "ONNX Runtime 1"),
        ("ONNX Runtime", None, "ONNX Runtime"),
        ("Core ML, emulated", None, "Core ML, emulated"),
        ("tflite-runtime 2.14", "2.14.0", "tflite-runtime 2.14.0"),
        ("tflite-runtime 2.14", "2.14", "tflite-runtime 2.14"),
        ("tflite-runtime 2.14", "2.140", "tflite-runtime 2.14 2.140"),
        ("tflite-runtime 2.14", None, "tflite-runtime 2.14"),
    ],
)
def test_a_version_that_is_known_is_told_once(name, version, told):
    assert runtime_name(record(runtime=change(record().runtime, name=name, version=version))) == told
