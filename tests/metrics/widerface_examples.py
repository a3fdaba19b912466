"""Pictures of a small WIDER FACE with APs by hand, and the official protocol in plain loops."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from mtcnn_lit.metrics import WiderFaceTruth
from mtcnn_lit.metrics.widerface_truth import ImageTruth
from tests.metrics.examples import MOST_OF_A, NOWHERE, A, B, Box, C


class Picture(NamedTuple):
    """Detections with scores, faces, and the indices, from 0, of those that count as easy, medium and hard."""

    found: list[tuple[Box, float]]
    faces: list[Box]
    counting: tuple[list[int], list[int], list[int]]


PICTURES = {
    "0--Parade/a.jpg": Picture([(A, 0.9), (MOST_OF_A, 0.8), (B, 0.7)], [A, B], ([0], [0], [0, 1])),
    "0--Parade/b.jpg": Picture([(NOWHERE, 0.6), (C, 0.5)], [C], ([], [0], [0])),
    "1--Riot/c.jpg": Picture([], [A], ([0], [0], [0])),
}
# Easy: of two faces one is found first (the second detection is its duplicate; B and C are ignored).
# Medium: right .9, wrong .8, wrong .6, right .5. Hard: right .9, wrong .8, right .7, wrong .6, right .5 of four.
PICTURES_AP = {"easy": 1 / 2, "medium": (1 + 2 / 4) / 3, "hard": (1 + 2 / 3 + 3 / 5) / 4}


def truth(pictures: dict[str, Picture] = PICTURES) -> WiderFaceTruth:
    images = {}
    for name, picture in pictures.items():
        counts = torch.zeros(3, len(picture.faces), dtype=torch.bool)
        for row, indices in zip(counts, picture.counting, strict=True):
            row[indices] = True
        images[name] = ImageTruth(torch.tensor(picture.faces).double().reshape(-1, 4), counts)
    return WiderFaceTruth(images)


def official_ap(pictures: dict[str, Picture], difficulty: int) -> float:
    """The AP step by step as the official evaluation computes it: loops over pictures, detections and thresholds."""
    all_scores = [score for picture in pictures.values() for _, score in picture.found]
    lowest, highest = min(all_scores), max(all_scores)
    shown_total, found_total, faces_total = np.zeros(1000), np.zeros(1000), 0
    for picture in pictures.values():
        counts = [index in picture.counting[difficulty] for index in range(len(picture.faces))]
        faces_total += sum(counts)
        if not picture.faces or not picture.found:
            continue
        found = sorted(picture.found, key=lambda pair: -pair[1])
        recall, proposal = _image_eval([box for box, _ in found], picture.faces, counts)
        for step in range(1000):
            threshold = 1 - (step + 1) / 1000
            reached = [i for i, (_, s) in enumerate(found) if (s - lowest) / (highest - lowest) >= threshold]
            if reached:
                shown_total[step] += sum(flag == 1 for flag in proposal[: reached[-1] + 1])
                found_total[step] += recall[reached[-1]]
    with np.errstate(invalid="ignore"):
        return _voc_ap(found_total / faces_total, found_total / shown_total)


def _image_eval(boxes: list[Box], faces: list[Box], counts: list[bool]) -> tuple[list[int], list[int]]:
    """For each detection, how many faces are found with it and before, and 1 or -1 for one on an ignored face."""
    face_state, proposal, recall = [0] * len(faces), [1] * len(boxes), []
    for index, box in enumerate(boxes):
        overlaps = [_overlap(box, face) for face in faces]
        best = int(np.argmax(overlaps))
        if overlaps[best] >= 0.5:
            if not counts[best]:
                face_state[best] = proposal[index] = -1
            elif face_state[best] == 0:
                face_state[best] = 1
        recall.append(sum(state == 1 for state in face_state))
    return recall, proposal


def _overlap(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]) + 1, min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    size_a, size_b = ((box[2] - box[0] + 1) * (box[3] - box[1] + 1) for box in (a, b))
    return width * height / (size_a + size_b - width * height)


def _voc_ap(recall: np.ndarray, precision: np.ndarray) -> float:
    recall, precision = np.array([0, *recall, 1]), np.array([0, *precision, 0])
    for index in range(len(precision) - 1, 0, -1):
        precision[index - 1] = np.maximum(precision[index - 1], precision[index])
    steps = np.flatnonzero(recall[1:] != recall[:-1])
    return float(((recall[steps + 1] - recall[steps]) * precision[steps + 1]).sum())
