"""Golden comparisons run with two threads, as the reference was measured."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True, scope="module")
def two_threads():
    """Another number of threads sums in another order.

    A mask logit within rounding of zero then changes its sign, and moves its query (see `assert_close_rows`).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
