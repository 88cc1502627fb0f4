"""Stages are known before anything is loaded, and they are those that are then timed."""

from __future__ import annotations

import pytest

from rapsam.benchmarks.latency.bundle_subject import bundle_subject
from rapsam.benchmarks.latency.stage_names import FILM, StageName, graph_stages, known_stages, local_stages
from rapsam.export.backends import BACKENDS


@pytest.mark.parametrize("bundle", ["tiny_bundle", "following_bundle"])
def test_what_is_known_before_is_what_is_timed(bundle, request):
    folder = request.getfixturevalue(bundle)
    subject = bundle_subject(folder, BACKENDS["onnx"].runtimes[0], threads=1)
    assert [stage.name for stage in subject.stages] == [*local_stages(folder)]


def test_films_are_timed_on_this_machine_alone(tiny_bundle, following_bundle):
    assert local_stages(tiny_bundle) == known_stages(tiny_bundle)
    assert local_stages(following_bundle) == (*known_stages(following_bundle), FILM)
    assert local_stages(following_bundle / "see.onnx") == (StageName("graph", "graph"),)
    assert StageName("pipeline", "video") not in graph_stages(following_bundle)


def test_a_stage_is_wanted_by_any_of_its_spellings():
    stage = StageName("graph", "see")
    assert all(stage.is_wanted(wanted) for wanted in ((), ("graph",), ("see",), ("click", "graph:see")))
    assert not stage.is_wanted(("click", "prompt"))
