"""The one place where pixels become network input."""

from __future__ import annotations

from torch import Tensor


def normalize(images: Tensor) -> Tensor:
    """Pixels as the networks take them: (x - 127.5) / 128, in channels-last memory.

    Shape: (N, H, W, 3) uint8 -> (N, 3, H, W) float32
    """
    return (images.permute(0, 3, 1, 2).float() - 127.5) / 128
