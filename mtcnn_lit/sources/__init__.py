"""Annotated images: one class for each kind of data set."""

from mtcnn_lit.sources.base import Annotation, Source, SourceError
from mtcnn_lit.sources.coco import Coco
from mtcnn_lit.sources.synthetic import Synthetic
from mtcnn_lit.sources.widerface import WiderFace
from mtcnn_lit.sources.yolo import Yolo

__all__ = ["Annotation", "Coco", "Source", "SourceError", "Synthetic", "WiderFace", "Yolo"]
