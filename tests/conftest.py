"""Settings that hold for every test."""

from __future__ import annotations

import pytest
import torch
from hypothesis import settings

# Results and times shall not depend on how many cores the machine has.
torch.set_num_threads(2)

# The first example of a property often pays for an import or a compilation: a deadline would be a coin toss.
settings.register_profile("rapsam", deadline=None)
settings.load_profile("rapsam")


@pytest.fixture(autouse=True, scope="session")
def own_stages(tmp_path_factory):
    """The user's finished stages shall neither help nor be changed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAPSAM_CACHE", str(tmp_path_factory.mktemp("stages")))
        yield
