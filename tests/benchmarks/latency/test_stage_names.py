"""Stages are known before anything is loaded, and they are those that are then timed."""

from __future__ import annotations

from rapsam.benchmarks.latency.bundle_subject import bundle_subject
from rapsam.benchmarks.latency.stage_names import StageName, known_stages
from rapsam.export.backends import BACKENDS


def test_what_is_known_before_is_what_is_timed(tiny_bundle):
    subject = bundle_subject(tiny_bundle, BACKENDS["onnx"].runtimes[0], threads=1)
    assert [stage.name for stage in subject.stages] == [*known_stages(tiny_bundle)]


def test_a_stage_is_wanted_by_any_of_its_spellings():
    stage = StageName("graph", "see")
    assert all(stage.is_wanted(wanted) for wanted in ((), ("graph",), ("see",), ("click", "graph:see")))
    assert not stage.is_wanted(("click", "prompt"))
