"""The pooling of the paper's networks."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class MaxPool(nn.MaxPool2d):
    """Max pooling whose last windows may reach beyond the border (ceil mode).

    Without gradients on a CPU, maxima along rows and then columns are faster than PyTorch's pooling, which also records
    indices; most of all in P-Net, whose channels are few.

    Args:
        kernel_size: side of the windows, at least 2 and at least the stride.
        stride: distance between windows.
    """

    kernel_size: int
    stride: int

    def __init__(self, kernel_size: int, stride: int) -> None:
        super().__init__(kernel_size, stride, ceil_mode=True)

    def forward(self, features: Tensor) -> Tensor:
        """Shape: (N, C, H, W) -> (N, C, H', W')."""
        if torch.is_grad_enabled() or features.is_cuda or torch.onnx.is_in_onnx_export():
            pooled: Tensor = super().forward(features)
            return pooled
        return _largest(_largest(features, 2, self.kernel_size, self.stride), 3, self.kernel_size, self.stride)


def _largest(features: Tensor, dim: int, kernel: int, stride: int) -> Tensor:
    """Pooling along one side: (..., length, ...) -> (..., windows, ...)."""
    windows = math.ceil((features.shape[dim] - kernel) / stride) + 1
    first, second, *others = (_every(features, dim, start, stride, windows) for start in range(kernel))
    if first.shape == second.shape:
        largest = torch.maximum(first, second)
    else:  # the last window has only its first row or column
        largest = torch.empty_like(first, memory_format=torch.channels_last)
        torch.maximum(first.narrow(dim, 0, windows - 1), second, out=largest.narrow(dim, 0, windows - 1))
        largest.narrow(dim, windows - 1, 1).copy_(first.narrow(dim, windows - 1, 1))
    for other in others:
        within = largest if other.shape == largest.shape else largest.narrow(dim, 0, other.shape[dim])
        torch.maximum(within, other, out=within)
    return largest


def _every(features: Tensor, dim: int, start: int, step: int, most: int) -> Tensor:
    """Every ``step``-th row or column from ``start`` on, at most ``most`` of them."""
    chosen = slice(start, start + step * (most - 1) + 1, step)
    return features[:, :, chosen] if dim == 2 else features[:, :, :, chosen]
