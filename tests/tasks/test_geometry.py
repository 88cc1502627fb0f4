from __future__ import annotations

import pytest

from rapsam.errors import InputError
from rapsam.tasks.geometry import ImageGeometry


def test_scale_goes_from_original_to_network():
    geometry = ImageGeometry(padded_size=(64, 96), content_size=(60, 90), original_size=(120, 270))
    assert geometry.scale_xy == (90 / 270, 60 / 120)


@pytest.mark.parametrize("name", ["padded_size", "content_size", "original_size"])
def test_empty_size_is_refused(name):
    sizes = {"padded_size": (64, 64), "content_size": (64, 64), "original_size": (10, 10), name: (0, 64)}
    with pytest.raises(InputError, match=r"\[0, 64\]"):
        ImageGeometry(**sizes)


@pytest.mark.parametrize("content", [(65, 64), (64, 65)])
def test_content_must_fit_the_padded_size(content):
    with pytest.raises(InputError, match="exceeds the padded size"):
        ImageGeometry(padded_size=(64, 64), content_size=content, original_size=(10, 10))
