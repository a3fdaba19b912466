"""How good detections are: average precision at an overlap, with ignore regions and no cap on detections.

`match` says what each detection of one image is, `average_precision` makes one figure of many images' verdicts, and
`AveragePrecision` is the two as a metric that gathers across processes. Overlap is the IoU of `mtcnn_lit.boxes`; the
WIDER FACE protocol with its +1 convention is another metric.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mtcnn_lit.boxes import coverage, iou
from mtcnn_lit.detections import Detections

WRONG = -1  # the verdict on a detection without a face of its own
IGNORED = -2  # the verdict on a detection that counts neither as right nor as wrong


def match(detections: Detections, faces: Tensor, ignored: Tensor, iou_threshold: float = 0.5) -> Tensor:
    """What each detection of one image found.

    Detections choose greedily, best score first (equal scores in their given order): each takes the face that it
    overlaps most among those still free, if that IoU reaches the threshold. One that finds no free face is IGNORED when
    its IoU with an ignored box, or the share of it that an ignored box covers (a region around a crowd), reaches the
    threshold, else WRONG: so a second detection of a face is wrong.

    Shape: detections of N boxes, (F, 4) faces, (M, 4) ignored -> (N,) int64, the index of the face, WRONG or IGNORED
    """
    boxes = detections.boxes
    overlaps = iou(boxes, faces)
    excused = (iou(boxes, ignored) >= iou_threshold).any(dim=1) | (coverage(boxes, ignored) >= iou_threshold)
    verdicts = torch.where(excused, IGNORED, WRONG)
    near_a_face = (overlaps >= iou_threshold).any(dim=1)
    for index in detections.scores.argsort(descending=True, stable=True).tolist():
        if near_a_face[index]:
            best, face = overlaps[index].max(dim=0)
            if best >= iou_threshold:
                verdicts[index] = face
                overlaps[:, face] = -1  # taken
    return verdicts


def average_precision(scores: Tensor, hits: Tensor, faces_count: int) -> Tensor:
    """Area under the precision-recall curve, made monotone: each recall counts with the best precision at it or beyond.

    Every distinct score is a point of the curve; equal scores are one step, so that their order does not matter.

    Args:
        scores: (N,) of all detections that count, in any order.
        hits: (N,), 1 or True where the detection found a face.
        faces_count: faces that were there to find.

    Returns:
        A scalar in [0, 1]: 0 without detections, NaN without faces (there is nothing to measure).
    """
    if faces_count == 0:
        return scores.new_tensor(math.nan)
    scores, order = scores.sort(descending=True)
    last_of_its_score = torch.cat([scores[1:] != scores[:-1], scores.new_ones(len(scores[:1]), dtype=torch.bool)])
    found = hits[order].long().cumsum(dim=0)[last_of_its_score]
    shown = torch.arange(1, len(scores) + 1, device=scores.device)[last_of_its_score]
    precision = (found / shown).flip(0).cummax(dim=0).values.flip(0)
    newly_found = found.diff(prepend=found.new_zeros(1))
    return (newly_found * precision).sum() / faces_count


class AveragePrecision(Metric):
    """Average precision of detections over images, with ignore regions (see `match` and `average_precision`).

    Args:
        iou_threshold: overlap from which a detection finds a face, in (0, 1].

    Raises:
        ValueError: when the threshold is out of its range, or `update` gets lists of different lengths.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    scores: list[Tensor]
    hits: list[Tensor]
    faces_count: Tensor

    def __init__(self, iou_threshold: float = 0.5, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 < iou_threshold <= 1:
            raise ValueError(f"iou_threshold must lie above 0 and not above 1, not {iou_threshold}")
        self.iou_threshold = iou_threshold
        # Hits are floats: a process without images takes part in gathering with empty float tensors.
        self.add_state("scores", [], dist_reduce_fx="cat")
        self.add_state("hits", [], dist_reduce_fx="cat")
        self.add_state("faces_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, detections: Sequence[Detections], faces: Sequence[Tensor], ignored: Sequence[Tensor]) -> None:
        """Add images: one entry of each list an image.

        Args:
            detections: what was found.
            faces: (F, 4) float32 boxes to find.
            ignored: (M, 4) float32 boxes that need not be found; what lies on them is neither right nor wrong.
        """
        for found, there, ignorable in zip(detections, faces, ignored, strict=True):
            verdicts = match(found, there, ignorable, self.iou_threshold)
            counts = verdicts != IGNORED
            self.scores.append(found.scores[counts].to(self.device))
            self.hits.append((verdicts[counts] >= 0).float().to(self.device))
            self.faces_count += len(there)

    def compute(self) -> Tensor:
        """The average precision, a scalar; NaN when no image had a face."""
        nothing = torch.zeros(0, device=self.device)
        scores, hits = (dim_zero_cat(state) if len(state) else nothing for state in (self.scores, self.hits))
        return average_precision(scores, hits, int(self.faces_count))
