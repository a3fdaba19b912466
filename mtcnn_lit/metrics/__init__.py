"""How good detections are, as torchmetrics that gather across processes."""

from mtcnn_lit.metrics.average_precision import IOU_RANGE, AveragePrecision, average_precision
from mtcnn_lit.metrics.curve import PrecisionRecall
from mtcnn_lit.metrics.matching import IGNORED, WRONG, match, match_at
from mtcnn_lit.metrics.recall import HEIGHT_BINS, FoundFaces, RecallBySize, height_bins

__all__ = [
    "HEIGHT_BINS",
    "IGNORED",
    "IOU_RANGE",
    "WRONG",
    "AveragePrecision",
    "FoundFaces",
    "PrecisionRecall",
    "RecallBySize",
    "average_precision",
    "height_bins",
    "match",
    "match_at",
]
