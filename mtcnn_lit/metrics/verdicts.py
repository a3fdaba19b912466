"""VerdictMetric: keeps the verdict on each detection of all images, gathered across processes."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mtcnn_lit.metrics.curve import PrecisionRecall

Rule = TypeVar("Rule")


class VerdictMetric(Metric, Generic[Rule]):
    """A metric over the scores of all detections and the verdicts on them under R rules, such as IoU thresholds.

    A verdict is the number of the face that the detection found, WRONG or IGNORED.

    Args:
        rules: R.
    """

    higher_is_better = True
    is_differentiable = False
    full_state_update = False

    scores: list[Tensor]
    verdicts: list[Tensor]

    def __init__(self, rules: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rules = rules
        # One-dimensional floats: a process without images takes part in gathering with such tensors, empty.
        self.add_state("scores", [], dist_reduce_fx="cat")
        self.add_state("verdicts", [], dist_reduce_fx="cat")

    def curves(self) -> dict[Rule, PrecisionRecall]:
        """The precision-recall curve under each rule; all processes must ask for it."""
        with self.sync_context():
            return self._curves()

    def _curves(self) -> dict[Rule, PrecisionRecall]:
        raise NotImplementedError

    def _add(self, scores: Tensor, verdicts: Tensor) -> None:
        """Add the detections of an image. Shape: (N,), (R, N)."""
        self.scores.append(scores.float().to(self.device))
        self.verdicts.append(verdicts.float().T.flatten().to(self.device))

    def _all(self) -> tuple[Tensor, Tensor]:
        """Scores and verdicts of all images, in the host's memory. Shape: -> (N,), (R, N) float32."""
        scores, verdicts = (
            dim_zero_cat(state).cpu() if len(state) else torch.zeros(0, device="cpu")
            for state in (self.scores, self.verdicts)
        )
        return scores, verdicts.view(-1, self.rules).T
