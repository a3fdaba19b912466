"""The size classes of faces, the same in every report."""

from __future__ import annotations

import torch
from torch import Tensor

# By height in px. A bound belongs to the class above it, but 80 itself to the class below (">80").
SIZES = ("<12", "12-20", "20-40", "40-80", ">80")
_BORDERS = (12.0, 20.0, 40.0)
_LARGEST = 80.0


def size_class(boxes: Tensor) -> Tensor:
    """The index in `SIZES` of each box. Shape: (N, 4) -> (N,) int64."""
    heights = boxes[:, 3] - boxes[:, 1]
    return torch.bucketize(heights, heights.new_tensor(_BORDERS), right=True) + (heights > _LARGEST)
