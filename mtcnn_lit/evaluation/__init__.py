"""Evaluate detections on a source's images: figures, pictures and a page."""

from mtcnn_lit.evaluation.page import summary
from mtcnn_lit.evaluation.scores import Scores, score
from mtcnn_lit.evaluation.split import SplitDetections, detect_split, listed_detections
from mtcnn_lit.evaluation.write import write_evaluation

__all__ = ["Scores", "SplitDetections", "detect_split", "listed_detections", "score", "summary", "write_evaluation"]
