"""Sharing work between processes."""

from __future__ import annotations

import os

import pytest

from rapsam.data.synth.workers import Workers
from rapsam.errors import InputError


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_order(count):
    with Workers(count) as workers:
        assert list(workers.each(abs, 20)) == list(range(20))
        assert list(workers.each(str, 3)) == ["0", "1", "2"]
        assert list(workers.each(str, 0)) == []


def test_one_worker_is_this_process():
    with Workers(1) as workers:
        assert next(workers.each(lambda _: os.getpid(), 1)) == os.getpid()


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_of_a_job_is_raised_here(count):
    with Workers(count) as workers, pytest.raises(ValueError, match="arg not in range"):
        list(workers.each(_fails, 3))


def _fails(index: int) -> str:
    return chr(-1 - index)


def test_a_worker_that_dies_is_reported():
    with Workers(2) as workers, pytest.raises(InputError, match="a worker process was killed"):
        list(workers.each(os._exit, 4))
