"""The ledger as a metric: detects, counts losses, gathers across processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from mtcnn_lit.cascade import Cascade, Step, timed_steps
from mtcnn_lit.detections import Detections
from mtcnn_lit.face_sizes import SIZES, size_class
from mtcnn_lit.images import Image
from mtcnn_lit.ledger.balance import STEPS, Balance
from mtcnn_lit.ledger.trace import Faces, lost_at, scores_of_lost

_FOUND = len(STEPS)  # outcome of a face that no step lost; else the index of the step


class Ledger(Metric):
    """Detects faces and counts those that each step of the cascade lost.

    Example::

        ledger = Ledger()
        detections = ledger.run(cascade, images, faces, numbers=range(len(images)))
        ledger.compute().as_dict()
    """

    is_differentiable = False
    full_state_update = False

    faces: Tensor
    images: Tensor
    candidates: Tensor
    seconds: Tensor
    rows: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        # Faces by size and by the step that lost them; the last column holds those found.
        self.add_state("faces", torch.zeros(len(SIZES), len(STEPS) + 1, dtype=torch.int64), dist_reduce_fx="sum")
        for name, dtype in (("images", torch.int64), ("candidates", torch.int64), ("seconds", torch.float64)):
            self.add_state(name, torch.zeros(len(STEPS), dtype=dtype), dist_reduce_fx="sum")
        # Flat floats: a process without losses takes part in gathering with an empty tensor of one dimension.
        self.add_state("rows", [], dist_reduce_fx="cat")

    def run(
        self, cascade: Cascade, images: Sequence[Image], faces: Sequence[Tensor], numbers: Sequence[int]
    ) -> list[Detections]:
        """Detect in a batch of images as `Cascade.detect` does, and add the losses to the ledger.

        Args:
            images: uint8 RGB (H, W, 3) of any sizes, at least one.
            faces: (F, 4) float32 boxes of each image.
            numbers: the number of each image for `FaceLoss.image`, below 2 ** 24.

        Raises:
            ValueError: when the lists differ in length.
        """
        if not len(images) == len(faces) == len(numbers):
            raise ValueError(f"{len(images)} images, but faces of {len(faces)} and numbers of {len(numbers)}")
        steps, seconds = timed_steps(cascade.steps(images), cascade.device)
        self.update(steps, seconds, faces, numbers)
        return steps[-1].found.by_image(len(images))

    def update(
        self, steps: Sequence[Step], seconds: Sequence[float], faces: Sequence[Tensor], numbers: Sequence[int]
    ) -> None:
        """Add a batch that went through the cascade: its steps and their seconds; other arguments as in `run`."""
        there = Faces.of(faces, steps[0].found.boxes.device)
        position = lost_at(steps, there)
        scores = scores_of_lost(steps, position, there).to(self.device)
        boxes = there.boxes.to(self.device)
        columns = torch.tensor([*(STEPS.index(step.name) for step in steps), _FOUND], device=self.device)
        self._add_steps(columns[:-1], steps, seconds, len(faces))
        outcomes = columns[position.to(self.device)]
        cells = size_class(boxes) * (_FOUND + 1) + outcomes
        self.faces += cells.bincount(minlength=self.faces.numel()).reshape(self.faces.shape)
        image = torch.tensor(numbers, device=self.device)[there.image.to(self.device)]
        rows = torch.stack([image, outcomes, scores, *boxes.T], dim=1)
        self.rows.append(rows[outcomes != _FOUND].flatten())

    def _add_steps(self, columns: Tensor, steps: Sequence[Step], seconds: Sequence[float], images: int) -> None:
        self.images[columns] += images
        self.candidates[columns] += torch.tensor([len(step.found.scores) for step in steps], device=self.device)
        self.seconds[columns] += torch.tensor(seconds, dtype=torch.float64, device=self.device)

    def compute(self) -> Balance:
        """The ledger so far."""
        rows = dim_zero_cat(self.rows) if len(self.rows) else torch.zeros(0)
        known = torch.nonzero(self.images).squeeze(1)
        images = self.images[known]
        return Balance(
            images=int(images.max()) if len(images) else 0,
            steps=tuple(STEPS[index] for index in known.tolist()),
            lost=self.faces[:, known].cpu().numpy(),
            found=self.faces[:, _FOUND].cpu().numpy(),
            candidates=(self.candidates[known].double() / images).cpu().numpy(),
            seconds=(self.seconds[known] / images).cpu().numpy(),
            rows=rows.reshape(-1, 7).cpu().numpy(),
        )
