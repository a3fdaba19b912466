"""Which faces are found at all, by their size class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torchmetrics import Metric

from mtcnn_lit.detections import Detections
from mtcnn_lit.face_sizes import SIZES, size_class
from mtcnn_lit.metrics.matching import match, thresholds_of


class FoundFaces(NamedTuple):
    """Attributes: found, how many of the faces; faces, how many there were."""

    found: int
    faces: int


class RecallBySize(Metric):
    """Recall of faces by their size class, over all detections given, whatever their scores.

    Args:
        iou_threshold: overlap from which a detection finds a face, in (0, 1].

    Raises:
        ValueError: when the threshold is out of its range, or `update` gets lists of different lengths.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    found: Tensor
    faces: Tensor

    def __init__(self, iou_threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        (self.iou_threshold,) = thresholds_of("iou_threshold", iou_threshold)
        self.add_state("found", torch.zeros(len(SIZES), dtype=torch.long), dist_reduce_fx="sum")
        self.add_state("faces", torch.zeros(len(SIZES), dtype=torch.long), dist_reduce_fx="sum")

    def update(self, detections: Sequence[Detections], faces: Sequence[Tensor], ignored: Sequence[Tensor]) -> None:
        """Add images: one entry of each list an image, as for `AveragePrecision`."""
        judged = [  # all images before the first is added: of what is refused nothing is left
            (size_class(there), match(shown, there, ignorable, self.iou_threshold))
            for shown, there, ignorable in zip(detections, faces, ignored, strict=True)
        ]
        for sizes, verdicts in judged:
            self.faces += sizes.bincount(minlength=len(SIZES)).to(self.device)
            self.found += sizes[verdicts[verdicts >= 0]].bincount(minlength=len(SIZES)).to(self.device)

    def compute(self) -> dict[str, Tensor]:
        """Recall in each of `mtcnn_lit.face_sizes.SIZES`; NaN where there was no face."""
        return dict(zip(SIZES, self.found / self.faces, strict=True))

    def counts(self) -> dict[str, FoundFaces]:
        """Faces found and faces there in each of `mtcnn_lit.face_sizes.SIZES`; all processes must ask for it."""
        with self.sync_context():
            pairs = zip(self.found.tolist(), self.faces.tolist(), strict=True)
            return {name: FoundFaces(*pair) for name, pair in zip(SIZES, pairs, strict=True)}
