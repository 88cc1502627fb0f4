"""Two forms of a graph, timed in turns."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from rapsam.benchmarks.studies.few_bits_times import times_beside_float
from rapsam.errors import BundleError
from rapsam.export.backends.runtimes import Runtime


class Sleeper:
    def __init__(self, path, _contract, threads):
        assert threads == 1
        self.seconds = float(path.stem)

    def run(self, inputs):
        time.sleep(self.seconds)
        return inputs


class Contract:
    graph = "encoder"


def timed(loader=Sleeper, provenance="measured"):
    runtime = Runtime("asleep", lambda: None, loader, provenance)
    return times_beside_float(runtime, Path("0.01.x"), Path("0.04.x"), Contract, {}, rounds=3)


def test_ratio_is_that_of_neighbouring_turns():
    found = timed()
    # Nothing sleeps for less than it was asked; how much longer is the machine's business.
    assert found.ms >= 10
    assert found.float_ms >= 40
    assert 0 < found.ratio < 1


def test_an_interpreter_of_ours_has_no_times():
    assert timed(provenance="emulated") is None


def test_a_refused_graph_is_an_error():
    def refuse(*_):
        raise BundleError("no such operator")

    with pytest.raises(BundleError, match="no such operator"):
        timed(refuse)
