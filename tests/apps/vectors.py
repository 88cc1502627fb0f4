"""An independent reader of the golden vectors: it shares no line with the program that writes them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "apps" / "fixtures" / "vectors"


def read_cases(folder=FOLDER):
    """Returns the cases of the index, arrays in place of their descriptions."""
    index = json.loads((folder / "index.json").read_text())
    assert index["format"] == 1
    for case in index["cases"]:
        for side in ("given", "expected"):
            case[side] = {name: _value(folder, value) for name, value in case[side].items()}
    return index["cases"]


def _value(folder, value):
    if not isinstance(value, dict):
        return value
    content = (folder / value["file"]).read_bytes()
    dtype = np.dtype(value["dtype"]).newbyteorder("<")
    count = int(np.prod(value["shape"]))
    return np.frombuffer(content, dtype, count, value["offset"]).reshape(value["shape"])


def assert_agrees(found, expected, where):
    """Integers equal, floats within 1e-6 of the larger of 1 and what is expected."""
    if isinstance(expected, list):
        assert found == expected, where
    elif isinstance(expected, np.ndarray) and expected.dtype == np.float32:
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6, err_msg=where)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=where)
