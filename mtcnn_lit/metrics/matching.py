"""Match detections to faces: what each detection of one image found."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from mtcnn_lit.boxes import coverage, iou
from mtcnn_lit.detections import Detections

WRONG = -1  # the verdict on a detection without a face of its own
IGNORED = -2  # the verdict on a detection that counts neither as right nor as wrong


def thresholds_of(name: str, given: float | Sequence[float]) -> tuple[float, ...]:
    """IoU thresholds, one or several, also numbers of NumPy or torch, as plain numbers.

    Args:
        name: of the argument, for the error.

    Raises:
        ValueError: when one is out of its range or there is none.
    """
    thresholds = torch.as_tensor(given, dtype=torch.float64, device="cpu").flatten().tolist()
    if not thresholds or not all(0 < threshold <= 1 for threshold in thresholds):
        raise ValueError(f"{name} must lie above 0 and not above 1, not {given}")
    return tuple(thresholds)


def match(detections: Detections, faces: Tensor, ignored: Tensor, iou_threshold: float = 0.5) -> Tensor:
    """What each detection of one image found.

    Detections choose greedily, best score first (equal scores in their given order): each takes the face that it
    overlaps most among those still free, if that IoU reaches the threshold. One that finds no free face is IGNORED when
    the share of it that an ignored box covers reaches the threshold (so also when their IoU does, and anywhere within a
    region around a crowd), else WRONG: so a second detection of a face is wrong.

    Shape: detections of N boxes, (F, 4) faces, (M, 4) ignored -> (N,) int64, the index of the face, WRONG or IGNORED
    """
    return match_at(detections, faces, ignored, [iou_threshold])[0]


def match_at(detections: Detections, faces: Tensor, ignored: Tensor, iou_thresholds: Sequence[float]) -> Tensor:
    """`match` at each of T thresholds; overlaps are computed once. Shape: as there -> (T, N) int64."""
    covered = coverage(detections.boxes, ignored)
    verdicts = torch.where(covered >= covered.new_tensor(iou_thresholds)[:, None], IGNORED, WRONG)
    order = detections.scores.argsort(descending=True, stable=True)
    overlaps = iou(detections.boxes[order], faces)
    row, face = (overlaps >= min(iou_thresholds)).nonzero(as_tuple=True)
    # In the order in which detections choose: best score first, and of a detection's faces the largest overlap first.
    near = overlaps[row, face].argsort(descending=True, stable=True)
    near = near[row[near].argsort(stable=True)]
    overlap, index, face = overlaps[row, face][near], order[row[near]], face[near]
    for verdict, threshold in zip(verdicts, iou_thresholds, strict=True):
        reached = overlap >= threshold
        choices = _choose(index[reached].tolist(), face[reached].tolist())
        verdict[list(choices)] = verdict.new_tensor(list(choices.values()))
    return verdicts


def _choose(detections: list[int], faces: list[int]) -> dict[int, int]:
    """The face of each detection that gets one: of the pairs, in their order, those whose both sides are free."""
    choices: dict[int, int] = {}
    taken: set[int] = set()
    for detection, face in zip(detections, faces, strict=True):
        if face not in taken and detection not in choices:
            choices[detection] = face
            taken.add(face)
    return choices
