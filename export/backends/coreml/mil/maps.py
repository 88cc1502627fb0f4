"""Operators on maps (B, C, H, W): convolutions, pools, resizing, sampling."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rapsam.export.backends.coreml.mil.operator import Operator, require


def _padded(x: Tensor, pad_type: str, pad: list[int] | None, filling: float) -> Tensor:
    require(x.dim() == 4, f"convolutions and pools of rank {x.dim()}")
    require(pad_type in ("custom", "valid"), f"padding {pad_type!r}")
    if pad_type == "valid" or pad is None:
        return x
    top, bottom, left, right = pad
    return F.pad(x, (left, right, top, bottom), value=filling)


def _conv(
    x: Tensor,
    weight: Tensor,
    strides: list[int],
    pad_type: str,
    dilations: list[int],
    groups: int,
    pad: list[int] | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    return F.conv2d(_padded(x, pad_type, pad, 0.0), weight, bias, strides, 0, dilations, groups)


def _conv_transpose(
    x: Tensor,
    weight: Tensor,
    strides: list[int],
    pad_type: str,
    dilations: list[int],
    groups: int,
    pad: list[int] | None = None,
    output_shape: list[int] | None = None,
    bias: Tensor | None = None,
) -> Tensor:
    require(x.dim() == 4, f"transposed convolutions of rank {x.dim()}")
    require(pad_type in ("custom", "valid"), f"padding {pad_type!r} of a transposed convolution")
    require(dilations == [1, 1], "a dilated transposed convolution")
    full = F.conv_transpose2d(x, weight, bias, strides, 0, 0, groups)
    top, bottom, left, right = (0, 0, 0, 0) if pad is None or pad_type == "valid" else pad
    height, width = full.shape[-2] - top - bottom, full.shape[-1] - left - right
    if output_shape is not None:
        height, width = output_shape[-2:]
    return full[..., top : top + height, left : left + width]


def _max_pool(
    x: Tensor,
    kernel_sizes: list[int],
    strides: list[int],
    pad_type: str,
    ceil_mode: bool,
    pad: list[int] | None = None,
) -> Tensor:
    require(not ceil_mode, "a maximum pool that rounds its size up")
    return F.max_pool2d(_padded(x, pad_type, pad, -torch.inf), kernel_sizes, strides)


def _avg_pool(
    x: Tensor,
    kernel_sizes: list[int],
    strides: list[int],
    pad_type: str,
    ceil_mode: bool,
    exclude_padding_from_average: bool,
    pad: list[int] | None = None,
) -> Tensor:
    require(not ceil_mode, "an average pool that rounds its size up")
    means = F.avg_pool2d(_padded(x, pad_type, pad, 0.0), kernel_sizes, strides)
    if not exclude_padding_from_average:
        return means
    shares = F.avg_pool2d(_padded(torch.ones_like(x), pad_type, pad, 0.0), kernel_sizes, strides)
    return means / shares


def _upsample_bilinear(
    x: Tensor,
    scale_factor_height: float,
    scale_factor_width: float,
    align_corners: bool,
    half_pixel_centers: bool | None = None,
) -> Tensor:
    require(half_pixel_centers in (None, not align_corners), "an upsampling without half-pixel centres")
    factors = (scale_factor_height, scale_factor_width)
    return F.interpolate(x, scale_factor=factors, mode="bilinear", align_corners=align_corners)


def _upsample_nearest_neighbor(x: Tensor, scale_factor_height: float, scale_factor_width: float) -> Tensor:
    return F.interpolate(x, scale_factor=(scale_factor_height, scale_factor_width), mode="nearest")


def _resample(
    x: Tensor,
    coordinates: Tensor,
    sampling_mode: str,
    padding_mode: str,
    padding_value: float,
    coordinates_mode: str,
    align_corners: bool,
) -> Tensor:
    require(sampling_mode == "bilinear", f"sampling mode {sampling_mode!r}")
    require(coordinates_mode == "normalized_minus_one_to_one", f"coordinates mode {coordinates_mode!r}")
    is_zeros = padding_mode == "constant" and padding_value == 0
    require(is_zeros, f"padding mode {padding_mode!r} of resample with the value {padding_value:g}")
    return F.grid_sample(x, coordinates, "bilinear", "zeros", align_corners)


MAPS: dict[str, Operator] = {
    "avg_pool": _avg_pool,
    "conv": _conv,
    "conv_transpose": _conv_transpose,
    "max_pool": _max_pool,
    "resample": _resample,
    "upsample_bilinear": _upsample_bilinear,
    "upsample_nearest_neighbor": _upsample_nearest_neighbor,
}
