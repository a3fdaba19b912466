"""Find the step of the cascade at which a face was lost.

A candidate covers a face when their IoU is at least 0.5. Boxes move from step to step, so a face may be uncovered for
some steps: it counts as lost at the last step after which no candidate covers it any more. One candidate may cover
several faces; matching detections to faces is left to `mtcnn_lit.metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mtcnn_lit.boxes import area, iou
from mtcnn_lit.cascade import Step
from mtcnn_lit.detections import Candidates

_COVERS = 0.5  # IoU

# Faces of an image, sorted by area, that are compared with candidates of similar size at once.
_BLOCK = 64


class Faces(NamedTuple):
    """True faces of a batch: (F, 4) boxes, and (F,) int64, the image of each."""

    boxes: Tensor
    image: Tensor

    @classmethod
    def of(cls, faces: Sequence[Tensor], device: torch.device) -> Faces:
        """The faces of all images on the device of the candidates."""
        counts = torch.tensor([len(each) for each in faces])
        return cls(torch.cat(list(faces)).to(device), torch.arange(len(faces)).repeat_interleave(counts).to(device))

    def select(self, index: Tensor) -> Faces:
        """The faces at the given indices."""
        return Faces(self.boxes[index], self.image[index])


def lost_at(steps: Sequence[Step], faces: Faces) -> Tensor:
    """The position of the step since which no candidate covers a face; the number of steps for a face that is found.

    Searches from the last step, so that a face is compared with the many candidates of early steps only if needed.

    Shape: F faces -> (F,) int64
    """
    position = torch.zeros_like(faces.image)
    missing = torch.arange(len(position), device=position.device)
    for number, step in reversed(list(enumerate(steps))):
        covered = _best_scores(step.found, faces.select(missing)) >= 0
        position[missing[covered]] = number + 1
        missing = missing[~covered]
    return position


def scores_of_lost(steps: Sequence[Step], position: Tensor, faces: Faces) -> Tensor:
    """The best score that the losing step gave to a candidate that covers the face; 0 for none.

    ``judged`` is computed only for steps that lost a face.

    Shape: F faces and what `lost_at` says of them -> (F,)
    """
    scores = torch.zeros_like(faces.boxes[:, 0])
    for number, step in enumerate(steps):
        lost = torch.nonzero(position == number).squeeze(1)
        if len(lost):
            scores[lost] = _best_scores(step.judged(), faces.select(lost)).clamp(min=0)
    return scores


def _best_scores(candidates: Candidates, faces: Faces) -> Tensor:
    """The best score of the candidates that cover each face, -1 where none does. Shape: F faces -> (F,)."""
    best, sizes = torch.full_like(faces.boxes[:, 0], -1), area(faces.boxes)
    for number in faces.image.unique().tolist():
        near = candidates.select(candidates.image == number)
        members = torch.nonzero(faces.image == number).squeeze(1)
        for block in members[sizes[members].argsort()].split(_BLOCK):
            best[block] = _best_of_similar_size(near, faces.boxes[block])
    return best


def _best_of_similar_size(candidates: Candidates, boxes: Tensor) -> Tensor:
    """`_best_scores` within one image. Only boxes of similar areas can reach the IoU, so most pairs are skipped."""
    sizes, own = area(candidates.boxes), area(boxes)
    similar = candidates.select((sizes >= own.amin() * _COVERS) & (sizes <= own.amax() / _COVERS))
    covers = iou(boxes, similar.boxes) >= _COVERS
    scores = torch.where(covers, similar.scores, -1.0)
    return torch.cat([scores.new_full((len(boxes), 1), -1), scores], dim=1).amax(dim=1)
