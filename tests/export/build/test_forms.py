"""Which form of a graph a bundle of few bits gets: timed, compared, never slower or wrong without a word."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from rapsam.errors import BundleError
from rapsam.export.backends.catalogue import find_recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.build.forms import choose_form
from rapsam.export.build.graph_stage import GraphRecord
from rapsam.export.bundle.manifest import GraphEntry
from rapsam.export.bundle.quantisation import GraphQuantisation, OutputCost
from tests.export.probe_network import probe_contract

CONTRACT = probe_contract()
W8A8 = find_recipe("onnx", "w8a8")
PATHS = {precision: Path(precision) for precision in ("w8a8", "w8", "fp32")}
SHA = "ab" * 32


class Sleeper:
    """Takes its time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def run(self, _inputs):
        time.sleep(self.seconds)
        return {spec.name: np.zeros(spec.shape, np.float32) for spec in CONTRACT.outputs}


def runtime(**seconds):
    """A runtime in which artifacts take so long by precision; None cannot be loaded."""

    def load(path, _contract, _threads):
        if seconds[path.name] is None:
            raise BundleError(f"no {path.name} here")
        return Sleeper(seconds[path.name])

    return Runtime("slow", lambda: None, load)


def record(runtime_db):
    cost = OutputCost(output="features", quantisation_db=30.0, artifact_db=29.0, runtime_db=runtime_db)
    entry = GraphEntry(
        path="w8a8",
        contract=CONTRACT,
        recipe="onnx-w8a8",
        sha256=SHA,
        size_bytes=1,
        parent=SHA,
        macs_before=1,
        macs_after=1,
        delegation=None,
        tool_versions={},
    )
    quantisation = GraphQuantisation(
        graph="probe", precision="w8a8", why="", outputs=(cost,), timing=None, left=()
    )
    return GraphRecord(entry=entry, minimum_runtime="", quantisation=quantisation)


@pytest.mark.parametrize(
    ("seconds", "runtime_db", "precision", "why"),
    [
        ({"w8a8": 0.001, "fp32": 0.01}, 30.0, "w8a8", ""),
        ({"w8a8": 0.001, "fp32": 0.01}, None, "w8a8", ""),
        ({"w8a8": 0.01, "fp32": 0.001}, 30.0, "w8", "of the time of float in slow, which is no gain"),
        ({"w8a8": 0.001, "fp32": 0.01}, 7.0, "w8", "w8a8 is wrong: output features has 7.0 dB"),
        ({"w8a8": None, "fp32": 0.001}, 30.0, "w8", "w8a8 does not run here: no w8a8 here"),
    ],
    ids=["faster", "not compared", "slower", "wrong", "does not load"],
)
def test_the_faster_correct_form_is_taken(seconds, runtime_db, precision, why) -> None:
    found = choose_form(W8A8, record(runtime_db), PATHS, runtime(**seconds), {})
    assert found.precision == precision
    assert (why in found.why) if why else (found.why == "")
    assert (found.timing is None) == (seconds["w8a8"] is None)


def test_a_recipe_without_a_second_choice_stands_and_its_time_is_told() -> None:
    recipe = msgspec.structs.replace(W8A8, otherwise=None)
    found = choose_form(recipe, record(30.0), PATHS, runtime(w8a8=0.01, fp32=0.001), {})
    assert (found.precision, found.why) == ("w8a8", "")
    assert found.timing.ratio > 2
    assert found.timing.provenance == "measured"
