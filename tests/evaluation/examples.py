"""Two pictures of a source with detections whose figures are known by hand."""

from __future__ import annotations

import torch

from mtcnn_lit import Detections
from mtcnn_lit.evaluation import SplitDetections
from mtcnn_lit.images import Image, ImageError
from tests.bright_squares import picture
from tests.mining.pictures import Box, Pictures, annotate

SMALL, MIDDLE, TALL, ELSEWHERE = (0, 0, 10, 10), (20, 0, 50, 30), (60, 0, 150, 90), (0, 60, 30, 90)


class Unreadable(Pictures):
    """Pictures that are all broken."""

    def read(self, index: int) -> Image:
        raise ImageError("broken")


def detections(*pairs: tuple[Box, float]) -> Detections:
    boxes = torch.tensor([box for box, _ in pairs], dtype=torch.float32).reshape(-1, 4)
    return Detections(boxes, torch.tensor([score for _, score in pairs], dtype=torch.float32))


def found_by_hand() -> SplitDetections:
    """Four faces: two are found, with a wrong detection between them in score; one is ignored."""
    source = Pictures(
        (picture(100, 160), annotate(SMALL, TALL, ignored=[ELSEWHERE])), (picture(100, 160), annotate(MIDDLE, TALL))
    )
    first = detections((TALL, 0.9), (ELSEWHERE, 0.7))
    second = detections((ELSEWHERE, 0.8), (MIDDLE, 0.6))
    return SplitDetections(source, [0, 1], [first, second])
