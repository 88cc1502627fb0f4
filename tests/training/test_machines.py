"""Machines that a run cannot use are refused before any work."""

import pytest

from rapsam.errors import InputError
from rapsam.training.machines import Machines, check_machines, check_memory
from rapsam.training.recipe_files import load_recipe, recipe_names


@pytest.mark.parametrize(
    ("machines", "changes", "says"),
    [
        (Machines("cpu", 0), [], "--processes 0"),
        (Machines("cpu", 1, 0), [], "--nodes 0"),
        (Machines("cuda", 99), [], "CUDA devices"),
        (Machines("mps", 2), [], "MPS"),
        (Machines("cpu", 1), ["precision=fp16"], "fp16"),
        (Machines("cpu", 4), [], "batch of 6 samples"),
    ],
)
def test_machines_that_cannot_do_it_are_refused(machines, changes, says):
    with pytest.raises(InputError, match=says):
        check_machines(machines, load_recipe("nano-synth", changes))


def test_torchrun_says_how_many_processes_there_are(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert Machines("cpu").per_machine == 2
    check_machines(Machines("cpu"), load_recipe("nano-synth"))
    with pytest.raises(InputError, match="torchrun has started 2"):
        check_machines(Machines("cpu", 1), load_recipe("nano-synth"))


def test_a_batch_larger_than_the_memory_is_refused_before_any_work():
    huge = ["data.height=8192", "data.width=8192", "data.batch_size=10000"]
    with pytest.raises(InputError, match=r"batch_size 10000 .* GB for its pixels alone"):
        check_memory(load_recipe("nano-synth", huge), nodes=1)
    for name in recipe_names():
        check_memory(load_recipe(name), nodes=1)
