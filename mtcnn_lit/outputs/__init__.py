"""Outputs for pictures and their detections, one in each module; several can be combined."""

from mtcnn_lit.outputs.crops import CropsOutput
from mtcnn_lit.outputs.csv import CsvOutput
from mtcnn_lit.outputs.images import ImagesOutput
from mtcnn_lit.outputs.json import JsonOutput
from mtcnn_lit.outputs.stream import StreamOutput
from mtcnn_lit.outputs.video import VideoOutput
from mtcnn_lit.outputs.window import WindowOutput

__all__ = [
    "CropsOutput",
    "CsvOutput",
    "ImagesOutput",
    "JsonOutput",
    "StreamOutput",
    "VideoOutput",
    "WindowOutput",
]
