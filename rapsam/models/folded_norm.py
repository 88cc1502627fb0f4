"""A batch norm behind a convolution as a part of the convolution."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import fusion


def folded_norm(weight: Tensor, bias: Tensor | None, norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Composes a convolution with the norm behind it, in float64.

    Args:
        weight: Of the convolution, output channels first; any float dtype.
        bias: Of the convolution; None for none.
        norm: In eval mode.

    Returns:
        Weight and bias of the convolution that does both, float64, without gradients.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    mean, variance, gamma, beta = (
        tensor.detach().double() for tensor in (norm.running_mean, norm.running_var, norm.weight, norm.bias)
    )
    shift = None if bias is None else bias.detach().double()
    folded = fusion.fuse_conv_bn_weights(
        weight.detach().double(), shift, mean, variance, norm.eps, gamma, beta
    )
    return folded[0].detach(), folded[1].detach()
