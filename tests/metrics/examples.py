"""Detections, faces and ignored boxes by hand, for all tests of metrics."""

from __future__ import annotations

import torch
from torch import Tensor

from mtcnn_lit import Detections
from mtcnn_lit.metrics import AveragePrecision

Box = tuple[float, float, float, float]
Example = tuple[list[tuple[Box, float]], list[Box], list[Box]]  # detections with scores, faces, ignored

A, B, C = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0), (40.0, 0.0, 50.0, 10.0)
HALF_OF_A = (0.0, 0.0, 10.0, 5.0)  # IoU with A: 0.5
MOST_OF_A = (0.0, 0.0, 10.0, 8.0)  # 0.8
NOWHERE = (100.0, 100.0, 110.0, 110.0)

EXAMPLES: list[Example] = [
    ([(A, 0.9), (NOWHERE, 0.8)], [A, C], []),
    ([(B, 0.7), (NOWHERE, 0.6)], [B], [NOWHERE]),
    ([(NOWHERE, 0.65), (C, 0.5)], [C], []),
]
EXAMPLES_AP = (1 + 2 / 3 + 3 / 5) / 4


def tensor(rows: list[Box]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def detections(pairs: list[tuple[Box, float]]) -> Detections:
    return Detections(tensor([box for box, _ in pairs]), torch.tensor([score for _, score in pairs]).float())


def measure(examples: list[Example], iou_threshold: float = 0.5) -> float:
    metric = AveragePrecision(iou_threshold)
    for found, faces, ignored in examples:
        metric.update([detections(found)], [tensor(faces)], [tensor(ignored)])
    return metric.compute().item()
