"""Augmentation of patches and their box targets by albumentations: the one room that imports it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mtcnn_lit.images import Image

# albumentations asks the network for its newest version at import otherwise.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A

Offsets = npt.NDArray[np.float32]


class Augment:
    """Random changes of patches, shared by small groups: one draw for each ``group_size`` patches of a batch.

    A call of albumentations costs far more than its work on a 12 px patch, so patches take part in groups; the groups
    are new in each epoch. The corners of each patch's face travel as keypoints, so flips, shifts and scalings change
    the box target with the pixels.

    Args:
        transforms: albumentations transforms or compositions of them; any that keep the size.
        group_size: patches that share a draw.
    """

    def __init__(self, transforms: Sequence[A.BasicTransform | A.BaseCompose], group_size: int = 32) -> None:
        keypoints = A.KeypointParams(format="xy", remove_invisible=False)
        # A composition (A.OneOf and the like) may hold a flip somewhere inside.
        moves = not all(isinstance(transform, A.ImageOnlyTransform) for transform in transforms)
        self._compose = A.Compose(list(transforms), keypoint_params=keypoints if moves else None)
        self._moves = moves
        self.group_size = group_size

    def __call__(self, pixels: Image, offsets: Offsets, seed: np.random.SeedSequence) -> tuple[Image, Offsets]:
        """Changed copies of patches (N, S, S, 3) and of their offsets (N, 4); the same for the same seed."""
        self._compose.set_random_seed(int(seed.generate_state(1)[0]))
        starts = range(0, len(pixels), self.group_size)
        groups = [self._apply(pixels[i : i + self.group_size], offsets[i : i + self.group_size]) for i in starts]
        new_pixels, new_offsets = zip(*groups, strict=True)
        return np.concatenate(new_pixels), np.concatenate(new_offsets)

    def _apply(self, pixels: Image, offsets: Offsets) -> tuple[Image, Offsets]:
        if not self._moves:
            return self._compose(images=pixels)["images"], offsets
        size = pixels.shape[1]
        changed: dict[str, Any] = self._compose(images=pixels, keypoints=_corners(offsets, size))
        return changed["images"], _offsets(changed["keypoints"], size)


def _corners(offsets: Offsets, size: int) -> Offsets:
    """Corners of the faces in patch pixels, the centre of pixel i at i as in albumentations. (N, 4) -> (2N, 2)."""
    faces = offsets * size + np.array([0, 0, size, size], dtype=np.float32)
    return faces.reshape(-1, 2) - np.float32(0.5)


def _offsets(corners: npt.NDArray[np.floating], size: int) -> Offsets:
    """The inverse of `_corners`, whichever way the corners were turned. (2N, 2) -> (N, 4)."""
    pairs = np.asarray(corners, dtype=np.float32).reshape(-1, 2, 2) + 0.5
    low, high = pairs.min(axis=1), pairs.max(axis=1)
    return (np.concatenate([low, high - size], axis=1) / size).astype(np.float32)
