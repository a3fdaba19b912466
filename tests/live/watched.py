"""What people watch in the tests: a picture, the face in it, and a detector that finds it."""

from __future__ import annotations

import numpy as np
import torch

from mtcnn_lit.detections import Detections
from mtcnn_lit.draw import DETECTION
from mtcnn_lit.images import Image
from mtcnn_lit.named_image import Frame

PICTURE = Frame("webcam", np.full((240, 320, 3), 90, np.uint8), 7, 0.25, 30)
FOUND = Detections(torch.tensor([[100.0, 120, 180, 200]]), torch.tensor([0.8]))


class Detector:
    """Finds the face when the threshold lets it."""

    def __init__(self) -> None:
        self.threshold = 0.7
        self.times = {"P": 0.012, "R": 0.003, "O": 0.001}

    def detect(self, image: Image) -> Detections:
        return FOUND.select(FOUND.scores >= self.threshold)


def marked(image: Image) -> int:
    """How many pixels have the colour of boxes and labels."""
    return int((image == DETECTION).all(axis=2).sum())
