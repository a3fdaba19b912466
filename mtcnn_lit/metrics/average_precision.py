"""Average precision at an overlap or over a range of them, with ignore regions and no cap on detections.

`mtcnn_lit.metrics.match` says what each detection of one image is, `average_precision` makes one figure of many images'
verdicts, and `AveragePrecision` is the two as a metric that gathers across processes. Overlap is the IoU of
`mtcnn_lit.boxes`; the WIDER FACE protocol with its +1 convention is another metric.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from mtcnn_lit.detections import Detections
from mtcnn_lit.metrics.curve import PrecisionRecall
from mtcnn_lit.metrics.matching import IGNORED, match_at, thresholds_of
from mtcnn_lit.metrics.verdicts import VerdictMetric

# COCO's range, .5:.05:.95 (Lin et al. 2014).
IOU_RANGE = tuple(hundredths / 100 for hundredths in range(50, 100, 5))


class AveragePrecision(VerdictMetric[float]):
    """Average precision of detections over images, with ignore regions (see `match` and `PrecisionRecall`).

    In a MetricCollection with metrics of other thresholds set ``compute_groups=False``: torchmetrics takes metrics for
    one whose states agree after the first update, whatever they do later.

    Args:
        iou_thresholds: overlaps from which a detection finds a face, in (0, 1]; of several, such as ``IOU_RANGE``, the
            mean AP is computed.

    Raises:
        ValueError: when a threshold is out of its range or there is none, or `update` gets lists of different lengths.
    """

    faces_count: Tensor

    def __init__(self, iou_thresholds: float | Sequence[float] = 0.5, **kwargs: Any) -> None:
        thresholds = thresholds_of("iou_thresholds", iou_thresholds)
        super().__init__(rules=len(thresholds), **kwargs)
        self.iou_thresholds = thresholds
        self.add_state("faces_count", torch.tensor(0), dist_reduce_fx="sum")

    def update(self, detections: Sequence[Detections], faces: Sequence[Tensor], ignored: Sequence[Tensor]) -> None:
        """Add images: one entry of each list an image.

        Args:
            detections: what was found.
            faces: (F, 4) float32 boxes to find.
            ignored: (M, 4) float32 boxes that need not be found; what lies on them is neither right nor wrong.
        """
        judged = [  # all images before the first is added: of what is refused nothing is left
            (found.scores, match_at(found, there, ignorable, self.iou_thresholds), len(there))
            for found, there, ignorable in zip(detections, faces, ignored, strict=True)
        ]
        for scores, verdicts, faces_count in judged:
            self._add(scores, verdicts)
            self.faces_count += faces_count

    def compute(self) -> Tensor:
        """The average precision, over several thresholds their mean; a scalar, NaN when no image had a face."""
        figures = [curve.average_precision() for curve in self._curves().values()]
        return torch.stack(figures).mean().float().to(self.device)

    def _curves(self) -> dict[float, PrecisionRecall]:
        scores, verdicts = self._all()
        return {
            threshold: PrecisionRecall.by_score(
                scores[verdict != IGNORED], verdict[verdict != IGNORED] >= 0, int(self.faces_count)
            )
            for threshold, verdict in zip(self.iou_thresholds, verdicts, strict=True)
        }
