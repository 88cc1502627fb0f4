"""Cutting maps of tokens into square windows and putting them together, in tensors of four axes at most.

Six axes, as one writes it at first, are more than delegates of phones take.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def padded_to_windows(x: Tensor, window: int) -> Tensor:
    """Pads (B, H, W, C) with zeros below and to the right, to multiples of the window."""
    height, width = x.shape[1:3]
    below, right = -height % window, -width % window
    return F.pad(x, (0, 0, 0, right, 0, below)) if below or right else x


def split(x: Tensor, window: int) -> Tensor:
    """Cuts (B, H, W, C), sides multiples of the window, into (B * windows, window * window, C)."""
    batch, height, width, channels = x.shape
    rows, columns = height // window, width // window
    strips = x.reshape(batch * rows, window, columns, window * channels)
    return strips.transpose(1, 2).reshape(batch * rows * columns, window * window, channels)


def joined(windows: Tensor, size: tuple[int, ...], window: int) -> Tensor:
    """Puts windows (B * windows, window * window, C) together again, (B, H, W, C).

    Args:
        windows: As `split` returns them.
        size: H and W, multiples of the window.
        window: Its side.
    """
    height, width = size
    rows, columns = height // window, width // window
    channels = windows.shape[-1]
    strips = windows.reshape(-1, columns, window, window * channels).transpose(1, 2)
    return strips.reshape(len(windows) // (rows * columns), height, width, channels)


def offset_table(window: int) -> Tensor:
    """Numbers pairs of tokens of a window by how far they are apart.

    Returns:
        (n, n) int64 with n = window * window tokens in rows: rows between them * window + columns between.
    """
    places = torch.arange(window)
    apart = (places[:, None] - places).abs()
    table = apart[:, None, :, None] * window + apart[None, :, None, :]
    return table.reshape(window * window, window * window)
