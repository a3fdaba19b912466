"""Detections of one image, and candidates, which the cascade's steps pass on for several images."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import Tensor

from mtcnn_lit.boxes import count_overlapping, iou, nms


@dataclass(frozen=True, eq=False)  # comparing tensors gives no single truth value
class Detections:
    """Boxes and scores of one image, best score first.

    Equal if boxes and scores are, on any device. Not hashable, since tensors can be changed in place.

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
        return cls(torch.empty(0, 4, dtype=torch.float32), torch.empty(0, dtype=torch.float32))

    def __len__(self) -> int:
        return len(self.boxes)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        ours, theirs = self.cpu(), other.cpu()
        return torch.equal(ours.boxes, theirs.boxes) and torch.equal(ours.scores, theirs.scores)

    def select(self, index: Tensor) -> Detections:
        """The detections at the given indices or where a mask holds, in that order."""
        return Detections(self.boxes[index], self.scores[index])

    def cpu(self) -> Detections:
        """The same detections in the host's memory."""
        return Detections(self.boxes.cpu(), self.scores.cpu())


class Candidates(NamedTuple):
    """Boxes and scores of several images, grouped by image, in the order of the images.

    Attributes:
        boxes: (N, 4) float32, ``x1 y1 x2 y2`` in pixels of the original image.
        scores: (N,) float32.
        image: (N,) int64, the number of the image.
    """

    boxes: Tensor
    scores: Tensor
    image: Tensor

    def select(self, index: Tensor) -> Candidates:
        """The candidates at the given indices or where a mask holds."""
        return Candidates(self.boxes[index], self.scores[index], self.image[index])

    def nms(self, threshold: float) -> Tensor:
        """Indices that `mtcnn_lit.boxes.nms` keeps within each image, best first. Shape: -> (K,) int64."""
        counts = torch.unique_consecutive(self.image, return_counts=True)[1].tolist()
        starts = accumulate([0, *counts])
        images = zip(self.boxes.split(counts), self.scores.split(counts), starts, strict=False)
        parts = [nms(boxes, scores, threshold) + start for boxes, scores, start in images]
        return torch.cat([self.image[:0], *parts])

    def votes(self, others: Candidates, threshold: float) -> Tensor:
        """How many of the others of its image each candidate overlaps by an IoU above the threshold. Shape: -> (N,)."""
        votes = torch.zeros_like(self.image)
        for number in self.image.unique():
            own, near = self.image == number, others.boxes[others.image == number]
            votes[own] = count_overlapping(self.boxes[own], near, threshold)
        return votes

    def voters(self, others: Candidates, threshold: float) -> Tensor:
        """The scores of the boxes that `votes` counts, best first, padded with zeros. Shape: -> (N, M)."""
        near = (iou(self.boxes, others.boxes) > threshold) & (self.image[:, None] == others.image)
        return torch.where(near, others.scores, 0).sort(dim=1, descending=True).values

    def by_image(self, count: int) -> list[Detections]:
        """The candidates of each of ``count`` images as detections in the host's memory."""
        boxes, scores, image = self.boxes.cpu(), self.scores.cpu(), self.image.cpu()
        return [Detections(boxes[image == number], scores[image == number]) for number in range(count)]
