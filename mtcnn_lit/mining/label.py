"""Label crops: their IoU with the faces of the image, and the offsets to the best face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from mtcnn_lit import boxes as geometry
from mtcnn_lit.sources.base import Annotation, BoxArray

# An ignored box that covers less of a crop than this is background detail at the crop's scale.
_IGNORED_SHARE = 0.1

# Crops labelled at once: bounds the (crops x faces) matrix of a crowd.
_CHUNK = 4096


@dataclass(frozen=True)
class LabelThresholds:
    """IoU with a face above which a crop is positive or a part, and below which it is negative (paper, section 3.1).

    Crops between ``negative`` and ``part`` are not trained on.
    """

    positive: float = 0.65
    part: float = 0.4
    negative: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.negative <= self.part <= self.positive <= 1:
            raise ValueError(f"label thresholds must obey 0 <= negative <= part <= positive <= 1, not {self}")

    def masks(self, iou: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.bool_], ...]:
        """Which crops are positive, part and negative, by their IoU. Shape: (N,) -> three times (N,)."""
        positive = iou >= self.positive
        part = (iou >= self.part) & ~positive
        return positive, part, iou < self.negative


class CropLabels(NamedTuple):
    """Labels of the crops that may be trained on.

    Attributes:
        kept: (N,) int64 indices of the crops that no ignored box covers more than a tenth of.
        iou: (N,) float32, the best IoU of each with any face, or with the square around it; 0 without faces.
        offsets: (N, 4) float32, from the region shown of each crop to the face with the best IoU; 0 if there is none.
    """

    kept: npt.NDArray[np.int64]
    iou: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.float32]


def label_crops(
    crops: BoxArray, annotation: Annotation, squared_faces: bool = True, context: float = 1.0
) -> CropLabels:
    """Compare crops (N, 4) with ALL faces and ignored boxes of their image, whatever they were made from.

    A crop is dropped when an ignored box covers more than a tenth of it: it is neither face nor background.

    Args:
        squared_faces: compare with the square around each face too, and take the better IoU. No square crop reaches an
            IoU of 0.65 with a face of less than 0.62 times as wide as high: without this, such faces (profiles, most
            of them) are never positives.
        context: side of the region that the network sees, relative to the crop's.
    """
    faces, ignored = torch.from_numpy(annotation.faces), torch.from_numpy(annotation.ignored)
    chunks = torch.from_numpy(crops).split(_CHUNK)
    parts = [_label_chunk(chunk, faces, ignored, squared_faces, context) for chunk in chunks]
    keep, iou, offsets = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
    return CropLabels(np.flatnonzero(keep), iou[keep], offsets[keep])


def _label_chunk(
    crops: torch.Tensor, faces: torch.Tensor, ignored: torch.Tensor, squared_faces: bool, context: float
) -> tuple[torch.Tensor, ...]:
    keep = geometry.coverage(crops, ignored) <= _IGNORED_SHARE
    if len(faces) == 0:
        return keep, crops.new_zeros(len(crops)), torch.zeros_like(crops)
    if squared_faces:
        overlaps = torch.maximum(*geometry.iou(crops, torch.cat([faces, geometry.square(faces)])).chunk(2, dim=1))
    else:
        overlaps = geometry.iou(crops, faces)
    best = overlaps.max(dim=1)
    offsets = geometry.encode(geometry.widen(crops, context), faces[best.indices])
    return keep, best.values, torch.where(best.values[:, None] > 0, offsets, 0.0)
