"""The official WIDER FACE protocol (Yang et al., CVPR 2016), as its evaluation code applies it to the validation set.

The published code is MATLAB (``wider_eval.m``); most figures today come from its Python port (``widerface_evaluate``),
which this equals: MATLAB, given integer boxes, rounds each overlap to 0 or 1 before it looks for the largest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtcnn_lit.boxes import iou
from mtcnn_lit.detections import Detections
from mtcnn_lit.metrics.curve import PrecisionRecall
from mtcnn_lit.metrics.matching import IGNORED, WRONG
from mtcnn_lit.metrics.verdicts import VerdictMetric
from mtcnn_lit.metrics.widerface_truth import DIFFICULTIES, ImageTruth, WiderFaceTruth

# Average precision of the authors' MTCNN on all 3,226 pictures, from the curves in the official evaluation package.
PUBLISHED_MTCNN = {"easy": 0.848, "medium": 0.825, "hard": 0.598}

_IOU_THRESHOLD = 0.5
_STEPS = 1000  # thresholds on the normalised score


def judge(detections: Detections, truth: ImageTruth) -> Tensor:
    """What each detection of one picture is at each difficulty.

    A detection is about the face that it overlaps most, whether or not that face is free or counts. One about a face
    that doesn't count is IGNORED; of those about one that counts, the best found it and all others are WRONG. Pictures
    without any face are left out of the protocol, so what is shown in them is IGNORED.

    Shape: detections of N boxes, a picture of F faces -> (3, N) int64, the index of the face, WRONG or IGNORED
    """
    count, device = len(detections), truth.boxes.device
    if len(truth.boxes) == 0:
        return torch.full((len(DIFFICULTIES), count), IGNORED, device=device)
    order = detections.scores.argsort(descending=True, stable=True)
    last_pixel = torch.tensor([0, 0, 1, 1], device=device)  # belongs to a box in this protocol: its +1 convention
    overlap, face = iou(detections.boxes[order].double() + last_pixel, truth.boxes + last_pixel).max(dim=1)
    near = overlap >= _IOU_THRESHOLD
    rank = torch.arange(count, device=device)
    first = torch.full((len(truth.boxes),), count, device=device).scatter_reduce(0, face[near], rank[near], "amin")
    about_a_counted = torch.where(first[face] == rank, face, WRONG)
    in_order = torch.where(near, torch.where(truth.counts[:, face], about_a_counted, IGNORED), WRONG)
    return torch.empty_like(in_order).index_copy_(1, order, in_order)


class WiderFaceAP(VerdictMetric[str]):
    """Average precision on the easy, medium and hard faces of WIDER FACE's validation pictures.

    All pictures of the ground truth count, so those that `update` never gets are pictures without detections. Scores
    are stretched over [0, 1] by the lowest and highest of all detections, and the curve has 1,000 thresholds.

    Args:
        truth: the pictures to measure on.
    """

    def __init__(self, truth: WiderFaceTruth, **kwargs: Any) -> None:
        super().__init__(rules=len(DIFFICULTIES), **kwargs)
        self.truth = truth
        self._names: set[str] = set()

    def update(self, names: Sequence[str], detections: Sequence[Detections]) -> None:
        """Add pictures, each one once.

        Args:
            names: of the pictures, ``event/file.jpg``.
            detections: what was found in each.

        Raises:
            SourceError: when the ground truth has no such picture.
            ValueError: when the lists have different lengths, or a picture was there already.
        """
        judged: dict[str, tuple[Tensor, Tensor]] = {}  # all of them first: of what is refused nothing is left
        for name, found in zip(names, detections, strict=True):
            if name in self._names or name in judged:
                raise ValueError(f"picture '{name}' was there already: its faces would be found twice")
            found = found.cpu()
            judged[name] = found.scores, judge(found, self.truth[name])
        for scores, verdicts in judged.values():
            self._add(scores, verdicts)
        self._names |= judged.keys()

    def reset(self) -> None:
        """Forget all pictures."""
        super().reset()
        self._names.clear()

    def compute(self) -> dict[str, Tensor]:
        """AP of "easy", "medium" and "hard", scalars; NaN where no face counts."""
        return {name: curve.average_precision().float().to(self.device) for name, curve in self._curves().items()}

    def _curves(self) -> dict[str, PrecisionRecall]:
        scores, verdicts = self._all()
        steps = _steps(scores.double())
        curves = {}
        for name, verdict in zip(DIFFICULTIES, verdicts, strict=True):
            found, shown = (_count(steps[which]) for which in (verdict >= 0, verdict != IGNORED))
            curves[name] = PrecisionRecall(found, shown, self.truth.faces_count[name])
        return curves


def _steps(scores: Tensor) -> Tensor:
    """Which of the thresholds 1 - 1/1000 ... 0 each normalised score reaches first. Shape: (N,) -> (N,)."""
    if len(scores) == 0:
        return torch.empty(0, dtype=torch.long, device=scores.device)
    low, high = scores.min(), scores.max()
    # Where all scores are equal the official code divides by zero and finds nothing; here they are all the best.
    normalised = (scores - low) / (high - low) if high > low else torch.ones_like(scores)
    thresholds = 1 - torch.arange(_STEPS, 0, -1, dtype=torch.double, device=scores.device) / _STEPS
    return _STEPS - torch.searchsorted(thresholds, normalised, right=True)


def _count(steps: Tensor) -> Tensor:
    """How many detections each threshold shows. Shape: (N,) -> (1000,)."""
    return steps.bincount(minlength=_STEPS).cumsum(dim=0)
