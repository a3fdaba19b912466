"""``output=crops``: each face as a picture of its own."""

from __future__ import annotations

import math

from mtcnn_lit.detections import Detections
from mtcnn_lit.images import Image, make_folder, write_image
from mtcnn_lit.named_image import NamedImage, UnreadImage, face_file


class CropsOutput:
    """Each face cut out with a margin, below a folder, as ``<name>.face-001.png`` and so on, best score first.

    Args:
        path: the folder.
        margin: margin on each side of the box, as a share of its width or height; cut at the picture's edge.

    Raises:
        ValueError: when the margin is negative or not finite.
    """

    def __init__(self, path: str, margin: float = 0.2) -> None:
        if not 0 <= margin < math.inf:
            raise ValueError(f"margin must be a number from 0 on, not {margin}")
        self._folder = make_folder(path)
        self._margin = margin

    def write(self, picture: NamedImage, detections: Detections) -> None:
        """Save the faces of one picture."""
        for number, box in enumerate(detections.boxes.tolist(), start=1):
            write_image(face_file(self._folder, picture.file_name, number), cut_out(picture.image, box, self._margin))

    def write_error(self, picture: UnreadImage) -> None:
        """Nothing to cut out."""

    def close(self) -> None:
        """Nothing to finish."""


def cut_out(image: Image, box: list[float], margin: float) -> Image:
    """The part of a picture (H, W, 3) in the box ``x1 y1 x2 y2`` and around it; one pixel at least."""
    x1, y1, x2, y2 = box
    left, right = _span(x1, x2, margin, image.shape[1])
    top, bottom = _span(y1, y2, margin, image.shape[0])
    return image[top:bottom, left:right]


def _span(low: float, high: float, margin: float, size: int) -> tuple[int, int]:
    around = margin * (high - low)
    first = min(round(max(low - around, 0)), size - 1)  # clamped first: infinity can't be rounded
    return first, max(round(min(high + around, size)), first + 1)
