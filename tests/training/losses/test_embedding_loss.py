"""Embeddings are compared where the image is: by the formula, whatever lies in the padding."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rapsam.training.losses.embedding import embedding_loss, valid_pixels


def test_a_position_counts_if_its_middle_lies_on_the_image():
    """Of 64 px at stride 16: rows up to 40 fill two and a half cells, columns up to 25 one and a bit more."""
    valid = valid_pixels((40, 25), (64, 64), (4, 4))
    wanted = torch.zeros(4, 4, dtype=torch.bool)
    wanted[:2, :2] = True
    assert torch.equal(valid, wanted)
    assert valid_pixels((41, 24), (64, 64), (4, 4)).sum() == 3 * 1
    assert valid_pixels((64, 64), (64, 64), (4, 4)).all()


def test_of_a_strip_one_position_is_left():
    assert valid_pixels((2, 64), (64, 64), (4, 4)).sum() == 1


@given(
    height=st.integers(9, 64),
    width=st.integers(9, 64),
    seed=st.integers(0, 2**16),
    padding=st.floats(-1e6, 1e6, allow_nan=False),
)
def test_the_loss_is_its_formula_whatever_the_padding_holds(height, width, seed, padding):
    rng = np.random.default_rng(seed)
    found, wanted = rng.normal(size=(2, 1, 3, 4, 4))
    valid = valid_pixels((height, width), (64, 64), (4, 4)).numpy()
    found[:, :, ~valid] = padding
    each = [
        ((found[0, :, y, x] - wanted[0, :, y, x]) ** 2).mean()
        for y in range(4)
        for x in range(4)
        if 16 * y + 9 <= height and 16 * x + 9 <= width
    ]
    loss = embedding_loss(torch.from_numpy(found), torch.from_numpy(wanted), torch.from_numpy(valid)[None])
    assert float(loss) == pytest.approx(np.mean(each))


def test_images_count_alike_however_much_of_them_is_padding():
    wanted = torch.zeros(2, 2, 4, 4)
    found = torch.ones_like(wanted)
    valid = torch.stack([valid_pixels((16, 16), (64, 64), (4, 4)), torch.ones(4, 4, dtype=torch.bool)])
    assert float(embedding_loss(found, wanted, valid)) == pytest.approx(2.0)
    found[0] *= 3
    assert float(embedding_loss(found, wanted, valid)) == pytest.approx(9.0 + 1.0)
