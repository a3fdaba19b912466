"""Outlines of faces, which move the box target with a patch that is rotated, scaled or sheared."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Offsets = npt.NDArray[np.float32]

# A face is modelled as an ellipse in its box: after a rotation, the box is that of the ellipse, not of the corners.
_TURNS = np.arange(0, 360, 22.5)
_ELLIPSE = np.stack([np.cos(np.radians(_TURNS)), np.sin(np.radians(_TURNS))], axis=1).astype(np.float32)
POINTS = len(_ELLIPSE)  # of an outline


def outlines(offsets: Offsets, size: int) -> Offsets:
    """Outlines of the faces, the centre of pixel i at i as in albumentations. Shape: (N, 4) -> (points * N, 2).

    Ordered by point, then by face: numpy's minima across long rows are vectorised, along short ones they are not.
    """
    faces = offsets * size + np.array([0, 0, size, size], dtype=np.float32)
    centre, half = (faces[:, 2:] + faces[:, :2]) / 2, (faces[:, 2:] - faces[:, :2]) / 2
    points = (centre + half * _ELLIPSE[:, None]).reshape(-1, 2) - 0.5
    return points.astype(np.float32)


def outlined_offsets(points: npt.NDArray[np.floating], size: int) -> Offsets:
    """The inverse of `outlines`, also after a transform. Shape: (points * N, 2) -> (N, 4)."""
    by_point = np.asarray(points, dtype=np.float32).reshape(POINTS, -1, 2) + 0.5
    low, high = by_point.min(axis=0), by_point.max(axis=0)
    return (np.concatenate([low, high - size], axis=1) / size).astype(np.float32)
