"""mtcnn-lit: train, measure and run MTCNN face detectors."""

from mtcnn_lit.detections import Detections
from mtcnn_lit.mtcnn import MTCNN

__all__ = ["MTCNN", "Detections"]
