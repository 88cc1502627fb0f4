"""Contracts: example inputs that may occur, tensors by their roles, the graphs of tasks."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rapsam.contract import GraphContract, Pipeline, TensorSpec, graphs_of, prompts_per_pass
from rapsam.errors import InputError


def spec(name: str, *shape: int, **changes: object) -> TensorSpec:
    facts = {"dtype": "float32", "layout": "N" * len(shape), "value_range": None, "meaning": "a test"}
    return TensorSpec(name=name, shape=shape, **facts | changes)


def contract(*inputs: TensorSpec) -> GraphContract:
    return GraphContract(graph="g", inputs=inputs, outputs=(spec("y", 1, 2, role="iou"),))


@given(values=st.lists(st.sampled_from((-1.0, 0.0, 1.0, 2.0, 3.0)), min_size=1), seed=st.integers(0, 99))
def test_an_input_of_listed_values_takes_no_others(values, seed):
    labels = spec("labels", 1, 5, 3, value_range=(-1.0, 3.0), values=tuple(values))
    drawn = contract(labels).example_inputs(seed)["labels"]
    assert drawn.dtype == np.float32
    assert set(drawn.ravel().tolist()) <= set(values)


@given(low=st.floats(-9, 9), width=st.floats(0, 9))
def test_an_input_with_a_range_stays_inside(low, width):
    drawn = contract(spec("x", 1, 50, value_range=(low, low + width))).example_inputs()["x"]
    assert np.all((drawn >= np.float32(low)) & (drawn <= np.float32(low + width)))


@pytest.mark.parametrize("values", [(), (4.0,), (0.0, float("nan"))])
def test_values_outside_the_range_are_refused(values):
    with pytest.raises(InputError, match="takes the values"):
        spec("labels", 1, 2, value_range=(-1.0, 3.0), values=values)


@pytest.mark.parametrize("value_range", [(5.0, -5.0), (0.0, float("inf")), (float("nan"), 1.0)])
def test_a_range_that_is_none_is_refused(value_range):
    with pytest.raises(InputError, match="has the range"):
        spec("x", 1, 2, value_range=value_range)


def test_prompts_per_pass_follow_from_the_inputs_that_take_them():
    found = contract(spec("picture", 1, 3, role="image"), spec("corners", 1, 7, 4, role="boxes"))
    assert prompts_per_pass([found, contract(spec("corners", 1, 5, 4, role="boxes"))]) == 5
    assert prompts_per_pass([contract(spec("picture", 1, 3, role="image"))]) == 0


def test_an_unknown_role_is_refused_when_read():
    told = msgspec.to_builtins(spec("x", 1, 2)) | {"role": "hat"}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(told, TensorSpec)


def test_graphs_that_tasks_share_are_listed_once():
    pipelines = (Pipeline(task="panoptic", graphs=("a", "b")), Pipeline(task="prompt", graphs=("a", "c")))
    assert graphs_of(pipelines) == ("a", "b", "c")
