"""Which faces are found at all, by their height."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from mtcnn_lit.detections import Detections
from mtcnn_lit.metrics.matching import match

# Where a bin of heights begins, pixels: 12 and 20 are the sizes under which detectors lose most of their faces.
HEIGHTS = (12, 20, 40, 80)
HEIGHT_BINS = (f"<{HEIGHTS[0]}", *(f"{low}-{high}" for low, high in pairwise(HEIGHTS)), f">={HEIGHTS[-1]}")


def height_bins(faces: Tensor) -> Tensor:
    """The number in ``HEIGHT_BINS`` of each face; a bin holds its lower bound. Shape: (F, 4) -> (F,) int64."""
    return torch.bucketize(faces[:, 3] - faces[:, 1], faces.new_tensor(HEIGHTS), right=True)


class FoundFaces(NamedTuple):
    """Attributes: found, how many of the faces; faces, how many there were."""

    found: int
    faces: int


class RecallBySize(Metric):
    """Recall of faces by their height, over all detections given, whatever their scores.

    Args:
        iou_threshold: overlap from which a detection finds a face.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    found: Tensor
    faces: Tensor

    def __init__(self, iou_threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.iou_threshold = iou_threshold
        self.add_state("found", torch.zeros(len(HEIGHT_BINS), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("faces", torch.zeros(len(HEIGHT_BINS), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, detections: Sequence[Detections], faces: Sequence[Tensor], ignored: Sequence[Tensor]) -> None:
        """Add images: one entry of each list an image, as for `AveragePrecision`."""
        for shown, there, ignorable in zip(detections, faces, ignored, strict=True):
            verdicts = match(shown, there, ignorable, self.iou_threshold)
            bins = height_bins(there)
            self.faces += bins.bincount(minlength=len(HEIGHT_BINS)).to(self.device)
            self.found += bins[verdicts[verdicts >= 0]].bincount(minlength=len(HEIGHT_BINS)).to(self.device)

    def compute(self) -> dict[str, Tensor]:
        """Recall in each of ``HEIGHT_BINS``; NaN where there was no face."""
        return dict(zip(HEIGHT_BINS, self.found / self.faces, strict=True))

    def counts(self) -> dict[str, FoundFaces]:
        """Faces found and faces there in each of ``HEIGHT_BINS``; all processes must ask for it."""
        with self.sync_context():
            pairs = zip(self.found.tolist(), self.faces.tolist(), strict=True)
            return {name: FoundFaces(*pair) for name, pair in zip(HEIGHT_BINS, pairs, strict=True)}
