"""The result of a ledger: losses by size and step, candidates and seconds by step, and every lost face."""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

import numpy as np
import numpy.typing as npt
import torch

from mtcnn_lit.cascade import StepName
from mtcnn_lit.face_sizes import SIZES, size_class
from mtcnn_lit.nets import NET_TITLES

STEPS: tuple[StepName, ...] = get_args(StepName)
STEP_TITLES: dict[StepName, str] = {
    "pnet": NET_TITLES["pnet"],
    "pnet_nms": "P-Net's NMS",
    "rnet": NET_TITLES["rnet"],
    "onet": NET_TITLES["onet"],
    "nms": "last NMS",
    "again": "second look",
}


class FaceLoss(NamedTuple):
    """A face that the cascade lost.

    Attributes:
        image: its number, as given to `Ledger.run`.
        box: ``x1 y1 x2 y2`` in pixels.
        step: which step lost it.
        score: the best score that the step gave to a candidate that covered it; 0 for P-Net when no window there has a
            reported score (see `mtcnn_lit.cascade.Step.judged`).
    """

    image: int
    box: tuple[float, float, float, float]
    step: StepName
    score: float

    @property
    def height(self) -> float:
        """Height of the face, px."""
        return self.box[3] - self.box[1]


class Balance(NamedTuple):
    """The result of a ledger.

    Attributes:
        images: how many were processed.
        steps: the cascade's K steps.
        lost: (S, K) faces of each class of `SIZES` that each step lost.
        found: (S,) faces that a detection covers.
        candidates: (K,) per image, after each step.
        seconds: (K,) per image, of each step; the first includes building the image pyramid.
        rows: (N, 7) the lost faces: image, index in `STEPS`, score, box.
    """

    images: int
    steps: tuple[StepName, ...]
    lost: npt.NDArray[np.int64]
    found: npt.NDArray[np.int64]
    candidates: npt.NDArray[np.float64]
    seconds: npt.NDArray[np.float64]
    rows: npt.NDArray[np.float32]

    @property
    def faces(self) -> npt.NDArray[np.int64]:
        """Faces of each size class. Shape: (S,)."""
        faces: npt.NDArray[np.int64] = self.lost.sum(axis=1) + self.found
        return faces

    @property
    def remaining(self) -> npt.NDArray[np.int64]:
        """Faces of each size class that are left after each step. Shape: (S, K)."""
        remaining: npt.NDArray[np.int64] = self.faces[:, None] - self.lost.cumsum(axis=1)
        return remaining

    @property
    def losses(self) -> list[FaceLoss]:
        """The lost faces, one by one, in the order of the images."""
        return [
            FaceLoss(int(image), (x1, y1, x2, y2), STEPS[int(step)], score)
            for image, step, score, x1, y1, x2, y2 in self.rows.tolist()
        ]

    def median_score(self, step: StepName, size: str | None = None) -> float | None:
        """The median of the best scores of the faces that a step lost, all or of one size; None when it lost none."""
        chosen = self.rows[:, 1] == STEPS.index(step)
        if size is not None:
            chosen &= size_class(torch.from_numpy(self.rows[:, -4:])).numpy() == SIZES.index(size)
        scores = self.rows[chosen, 2]
        return float(np.median(scores)) if len(scores) else None

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers by size and by step, for JSON; the faces one by one are in `losses`."""
        sizes = {
            size: {
                "faces": int(self.faces[row]),
                "found": int(self.found[row]),
                "lost": {
                    step: {"faces": int(self.lost[row, column]), "median_score": self.median_score(step, size)}
                    for column, step in enumerate(self.steps)
                },
            }
            for row, size in enumerate(SIZES)
        }
        steps = {
            step: {
                "lost": int(self.lost[:, column].sum()),
                "median_score": self.median_score(step),
                "candidates_per_image": float(self.candidates[column]),
                "ms_per_image": 1000 * float(self.seconds[column]),
            }
            for column, step in enumerate(self.steps)
        }
        return {"images": self.images, "sizes": sizes, "steps": steps}
