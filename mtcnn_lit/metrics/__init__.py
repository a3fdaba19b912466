"""Metrics of detections, as torchmetrics that gather across processes."""

from mtcnn_lit.metrics.average_precision import IOU_RANGE, AveragePrecision
from mtcnn_lit.metrics.curve import PrecisionRecall
from mtcnn_lit.metrics.matching import IGNORED, WRONG, match, match_at
from mtcnn_lit.metrics.recall import FoundFaces, RecallBySize
from mtcnn_lit.metrics.widerface import PUBLISHED_MTCNN, WiderFaceAP
from mtcnn_lit.metrics.widerface_truth import DIFFICULTIES, WiderFaceTruth

__all__ = [
    "DIFFICULTIES",
    "IGNORED",
    "IOU_RANGE",
    "PUBLISHED_MTCNN",
    "WRONG",
    "AveragePrecision",
    "FoundFaces",
    "PrecisionRecall",
    "RecallBySize",
    "WiderFaceAP",
    "WiderFaceTruth",
    "match",
    "match_at",
]
