"""Detections: what a detector says of one image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Detections:
    """Boxes and scores of one image, best score first.

    Attributes:
        boxes: (N, 4) float32, ``x1 y1 x2 y2`` in pixels of the original image.
        scores: (N,) float32 in [0, 1].

    Raises:
        ValueError: when the shapes or types do not fit.
    """

    boxes: Tensor
    scores: Tensor

    def __post_init__(self) -> None:
        if self.boxes.ndim != 2 or self.boxes.shape[1] != 4:
            raise ValueError(f"boxes must have shape (N, 4), not {tuple(self.boxes.shape)}")
        if self.scores.shape != self.boxes.shape[:1]:
            raise ValueError(f"scores must have shape ({len(self.boxes)},), not {tuple(self.scores.shape)}")
        if self.boxes.dtype != torch.float32 or self.scores.dtype != torch.float32:
            raise ValueError(f"boxes and scores must be float32, not {self.boxes.dtype} and {self.scores.dtype}")

    @classmethod
    def empty(cls) -> Detections:
        """Detections of an image without faces."""
        return cls(torch.empty(0, 4), torch.empty(0))

    def __len__(self) -> int:
        return len(self.boxes)

    def select(self, index: Tensor) -> Detections:
        """The detections at the given indices or where a mask holds, in that order."""
        return Detections(self.boxes[index], self.scores[index])

    def cpu(self) -> Detections:
        """The same detections in the host's memory."""
        return Detections(self.boxes.cpu(), self.scores.cpu())
