"""Which form of a graph a bundle of few bits gets: timed, compared, never slower or wrong without a word."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from rapsam.errors import BundleError
from rapsam.export.backends.catalogue import find_recipe
from rapsam.export.backends.runtimes import Runtime
from rapsam.export.build import forms
from rapsam.export.build.forms import choose_form
from rapsam.export.build.graph_stage import GraphRecord
from rapsam.export.bundle.manifest import GraphEntry
from rapsam.export.bundle.quantisation import GraphQuantisation, OutputCost
from tests.export.probe_network import probe_contract

CONTRACT = probe_contract()
W8A8 = find_recipe("onnx", "w8a8")
PATHS = {precision: Path(precision) for precision in ("w8a8", "w8", "fp32")}
SHA = "ab" * 32


class Clock:
    """Goes on where something takes time."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


CLOCK = Clock()


class Stated:
    """Takes the time that it is told."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def run(self, _inputs):
        CLOCK.now += self.seconds
        return {spec.name: np.zeros(spec.shape, np.float32) for spec in CONTRACT.outputs}


@pytest.fixture(autouse=True)
def clock(monkeypatch) -> None:
    monkeypatch.setattr(forms, "time", CLOCK)


def runtime(**seconds):
    """A runtime in which artifacts take so long by precision; None cannot be loaded."""

    def load(path, _contract, _threads):
        if seconds[path.name] is None:
            raise BundleError(f"no {path.name} here")
        return Stated(seconds[path.name])

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


def chosen(recipe, seconds, runtime_db=30.0, refused=None):
    records = {precision: record(runtime_db if precision == "w8a8" else 30.0) for precision in seconds}
    return choose_form(recipe, records, refused or {}, PATHS, runtime(**seconds), {})


@pytest.mark.parametrize(
    ("seconds", "runtime_db", "precision", "why"),
    [
        ({"w8a8": 9, "w8": 11, "fp32": 10}, 30.0, "w8a8", ""),
        ({"w8a8": 9, "w8": 11, "fp32": 10}, None, "w8a8", ""),
        (
            {"w8a8": 13, "w8": 11, "fp32": 10},
            30.0,
            "w8",
            "w8a8 takes 1.30 of the time of float in slow",
        ),
        ({"w8a8": 1, "w8": 1, "fp32": 3}, 7.0, "w8", "w8a8 is wrong: output features has 7.0 dB"),
        ({"w8a8": None, "w8": 1, "fp32": 3}, 30.0, "w8", "w8a8 does not run here: no w8a8 here"),
        ({"w8a8": 11, "w8": 13, "fp32": 10}, 30.0, "w8a8", ""),
        ({"w8a8": 13, "w8": None, "fp32": 10}, 30.0, "fp32", "no gain; w8 does not run here"),
        (
            {"w8a8": 11, "w8": 13, "fp32": 10},
            7.0,
            "fp32",
            "output features has 7.0 dB; w8 takes",
        ),
    ],
    ids=[
        "faster",
        "not compared",
        "slower",
        "wrong",
        "no load",
        "the other is slower",
        "none",
        "none, one wrong",
    ],
)
def test_the_faster_correct_form_is_taken(seconds, runtime_db, precision, why) -> None:
    found = chosen(W8A8, seconds, runtime_db)
    assert found.precision == precision
    assert (why in found.why) if why else (found.why == "")


def test_of_the_only_form_it_is_told_that_it_is_wrong() -> None:
    recipe = msgspec.structs.replace(W8A8, otherwise=None)
    found = chosen(recipe, {"w8a8": 1, "fp32": 10}, 3.0)
    assert (found.precision, found.why) == ("w8a8", "w8a8 is wrong: output features has 3.0 dB")


def test_the_form_that_was_taken_is_timed_too() -> None:
    cost = record(30.0).quantisation
    told = chosen(W8A8, {"w8a8": 10, "w8": 1, "fp32": 3}).tell(cost, "w8a8")
    assert (told.precision, told.timing.ratio > 2, told.taken.ratio < 0.9) == ("w8", True, True)
    told = chosen(W8A8, {"w8a8": 1, "w8": 1, "fp32": 3}).tell(cost, "w8a8")
    assert (told.precision, told.timing.ratio < 0.9, told.taken) == ("w8a8", True, None)


def test_a_form_that_cannot_be_made_is_not_timed() -> None:
    refused = {"w8a8": "w8a8 cannot be made: an operator"}
    found = chosen(W8A8, {"w8": 1, "fp32": 3}, refused=refused)
    assert (found.precision, found.why, list(found.timings)) == ("w8", refused["w8a8"], ["w8"])


def test_a_recipe_without_a_second_choice_stands_and_its_time_is_told() -> None:
    recipe = msgspec.structs.replace(W8A8, otherwise=None)
    found = chosen(recipe, {"w8a8": 10, "fp32": 1})
    assert (found.precision, found.why) == ("w8a8", "")
    assert found.timings["w8a8"].ratio > 2
    assert found.timings["w8a8"].provenance == "measured"
