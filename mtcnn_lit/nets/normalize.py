"""The one place where pixels become network input."""

from __future__ import annotations

import torch
from torch import Tensor


def normalize(images: Tensor) -> Tensor:
    """Pixels as the networks take them: (x - 127.5) / 128, in channels-last memory.

    Shape: (N, H, W, 3) uint8 -> (N, 3, H, W) float32
    """
    return images.permute(0, 3, 1, 2).to(torch.float32, copy=True).sub_(127.5).div_(128)
