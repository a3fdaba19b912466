"""Precision-recall curves and the discrete ROC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PrecisionRecall:
    """The precision-recall curve and the discrete ROC of detections: a point for each threshold, from high to low.

    Attributes:
        found: (K,) int64, faces that detections of the threshold or above found.
        shown: (K,) int64, detections of the threshold or above that are right or wrong, without ignored ones.
        faces_count: faces that were there to find.
    """

    found: Tensor
    shown: Tensor
    faces_count: int

    @classmethod
    def by_score(cls, scores: Tensor, hits: Tensor, faces_count: int) -> PrecisionRecall:
        """Every distinct score is a threshold; equal scores are one step, so that their order does not matter.

        Args:
            scores: (N,) of all detections that count, in any order.
            hits: (N,), 1 or True where the detection found a face.
            faces_count: faces that were there to find.
        """
        scores, order = scores.sort(descending=True)
        last_of_its_score = torch.cat([scores[1:] != scores[:-1], scores.new_ones(len(scores[:1]), dtype=torch.bool)])
        found = hits[order].long().cumsum(dim=0)[last_of_its_score]
        shown = torch.arange(1, len(scores) + 1, device=scores.device)[last_of_its_score]
        return cls(found, shown, faces_count)

    @property
    def precision(self) -> Tensor:
        """Share of what is shown that is right; NaN where nothing is shown. Shape: (K,) float64."""
        return self.found.double() / self.shown

    @property
    def recall(self) -> Tensor:
        """Share of the faces that is found; NaN when there are none. Shape: (K,) float64."""
        return self.found.double() / self.faces_count

    @property
    def false_positives(self) -> Tensor:
        """Number of wrong detections. Shape: (K,) int64."""
        return self.shown - self.found

    def average_precision(self) -> Tensor:
        """Area under the curve, made monotone: each recall counts with the best precision at it or beyond.

        Returns:
            A float64 scalar in [0, 1]: 0 without detections, NaN without faces (there is nothing to measure).
        """
        envelope = self.precision.nan_to_num().flip(0).cummax(dim=0).values.flip(0)
        newly_found = self.found.diff(prepend=self.found.new_zeros(1))
        return (newly_found * envelope).sum() / self.faces_count

    def recall_at(self, false_positives: Sequence[int]) -> list[float]:
        """The highest recall with at most the given number of false positives over all images, for each number.

        These are points of FDDB's discrete ROC (Jain and Learned-Miller 2010), but with the greedy matching of this
        package where FDDB assigns detections to faces for the largest sum of overlaps.
        """
        allowed = torch.tensor(false_positives, device=self.found.device)
        points = torch.searchsorted(self.false_positives, allowed, right=True)
        recall = torch.cat([self.found.new_zeros(1), self.found]).double() / self.faces_count
        return recall[points].tolist()
