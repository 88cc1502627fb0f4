"""The deployable deformable convolution against the trainable one, which is the definition."""

from __future__ import annotations

import pytest
import torch

from rapsam.models.rapsam.deform_conv import DeformConv2d
from rapsam.models.rapsam.rewrites.deform_rows import RowGatherDeformConv2d

SIZE = (6, 9)


def both(offsets, modulation, *, bias=None, dtype=torch.float64):
    torch.manual_seed(0)
    source = DeformConv2d(4, 3).to(dtype)
    x = torch.randn(1, 4, *SIZE, dtype=dtype)
    deployed = RowGatherDeformConv2d(source.weight, bias, SIZE)
    offsets, modulation = offsets.to(dtype), modulation.to(dtype)
    with torch.no_grad():
        expected = source(x, offsets, modulation)
        if bias is not None:
            expected = expected + bias.view(1, -1, 1, 1)
        return deployed(x, offsets, modulation), expected


@pytest.mark.parametrize("spread", [0.0, 0.3, 2.0, 30.0, 1e6])
def test_it_computes_the_definition_however_far_the_offsets_lead(spread) -> None:
    torch.manual_seed(1)
    offsets = spread * torch.randn(1, 18, *SIZE, dtype=torch.float64)
    result, expected = both(offsets, torch.rand(1, 9, *SIZE))
    torch.testing.assert_close(result, expected, atol=1e-9, rtol=0)


@pytest.mark.parametrize("shift", [-10.0, -9.0, -7.0, -6.5, -1.0, -0.5, 0.5, 1.0, 5.5, 6.0, 9.0, 10.0])
def test_whole_and_half_steps_over_every_border(shift) -> None:
    offsets = torch.full((1, 18, *SIZE), shift)
    result, expected = both(offsets, torch.ones(1, 9, *SIZE))
    torch.testing.assert_close(result, expected, atol=1e-9, rtol=0)


def test_the_bias_is_added() -> None:
    bias = torch.arange(3, dtype=torch.float64)
    result, expected = both(torch.zeros(1, 18, *SIZE), torch.ones(1, 9, *SIZE), bias=bias)
    torch.testing.assert_close(result, expected, atol=1e-9, rtol=0)


def test_half_precision_finds_the_same_pixels() -> None:
    torch.manual_seed(1)
    size = (40, 90)  # 9 * 3600 rows: far more than float16 could count
    source, x = DeformConv2d(4, 3), torch.randn(1, 4, *size)
    offsets, modulation = 8 * torch.randn(1, 18, *size).half(), torch.rand(1, 9, *size).half()
    deployed = RowGatherDeformConv2d(source.weight, None, size).half()
    with torch.no_grad():
        result = deployed(x.half(), offsets, modulation).float()
        expected = source(x, offsets.float(), modulation.float())
    assert torch.nn.functional.cosine_similarity(result.flatten(), expected.flatten(), 0) > 0.99999
