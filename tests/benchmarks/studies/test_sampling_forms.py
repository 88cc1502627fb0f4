"""The measurement behind the recipes' forms of sampling, on a small network."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest

from rapsam.benchmarks.measuring.records import read_records
from rapsam.benchmarks.report.training import sampling_table
from rapsam.benchmarks.studies.sampling_forms import FILE, SamplingRecords, measure
from rapsam.contract import Sampling
from rapsam.export.backends import find_backend
from rapsam.export.backends.catalogue import find_recipe


@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # PyTorch's own use of its own class
def test_every_form_is_timed_in_the_runtime():
    if reason := find_backend("onnx").unavailable():
        pytest.skip(reason)
    records = measure("rapsam_nano", (64, 64), ("onnx",), rounds=2)
    assert [timing.sampling for timing in records.timings] == list(get_args(Sampling))
    assert all(timing.ms is not None and timing.ms.median > 0 for timing in records.timings)
    assert "| ONNX Runtime |" in sampling_table(records)


def test_what_did_not_run_says_why():
    records = read_records(FILE, SamplingRecords)
    timing = msgspec.structs.replace(records.timings[0], ms=None, not_run="no such runtime")
    text = sampling_table(msgspec.structs.replace(records, timings=(timing,)))
    assert "not run: no such runtime" in text


def test_no_recipe_has_a_form_that_was_clearly_slower():
    """Forms that were about as quick may be chosen for another reason."""
    records = read_records(FILE, SamplingRecords)
    for target in {timing.target for timing in records.timings}:
        medians = {
            timing.sampling: timing.ms.median
            for timing in records.timings
            if timing.target == target and timing.ms
        }
        assert medians[find_recipe(target, "fp32").sampling] <= 1.1 * min(medians.values()), target
