"""The page's fusion beside NumPy's: what is drawn has things in it, and Node answers."""

from __future__ import annotations

import shutil

import pytest

from rapsam.benchmarks.measuring.records import read_records
from rapsam.benchmarks.studies.page_tasks import (
    FILE,
    MOST,
    MOST_BYTES,
    THINGS,
    PageTasks,
    discs,
    node_program,
    shared_out,
)
from rapsam.errors import UnavailableError
from tests.golden_files import fail_or_skip


def test_drawings_have_many_segments():
    assert [len(drawn.fused().segments) for drawn in (shared_out(), discs())] == [THINGS, 16]


def test_node_tells_its_time_and_one_that_ends_is_named():
    if shutil.which("node") is None:
        fail_or_skip("no Node is installed; install nodejs, version 20 or later", None)
    with node_program((discs(),)) as ask:
        assert 0 < ask("fuse discs 0.01") < 10
        with pytest.raises(UnavailableError, match="ended at 'fuse nothing 1'"):
            ask("fuse nothing 1")


def test_the_record_holds():
    known = read_records(FILE, PageTasks)
    assert {each.limit for each in known.fusion} == {MOST}
    assert all(each.ratio <= each.limit for each in known.fusion)
    assert all(each.other_bytes <= MOST_BYTES for each in known.memory)
