"""Augmentation of patches and their box targets by albumentations: the only module that imports it."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Sequence
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch

from mtcnn_lit import boxes
from mtcnn_lit.data.outlines import POINTS, Offsets, outlined_offsets, outlines
from mtcnn_lit.errors import UserError, check_counts
from mtcnn_lit.images import Image

# albumentations asks the network for its newest version at import otherwise.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")

import albumentations as A

_KEY = "augment.transforms: "

# JPEG takes 16 rows at a time where it halves the colours, and no more than 65,500 in all. Two rows around each patch
# keep the decoder, which smooths the colours, from mixing them.
_BLOCK, _TALLEST, _SMOOTHED = 16, 2**15, 2


class AugmentError(UserError):
    """Transforms that can't be applied to patches.

    Args:
        message: what is wrong and the remedy; the key comes before it.
    """

    def __init__(self, message: str) -> None:
        # From a DataLoader's worker, torch recreates it with a whole traceback as its message, which ends in ours.
        super().__init__(_KEY + message.strip().rpartition(_KEY)[2])


class _Pass(NamedTuple):
    """Consecutive transforms that are applied to patches in the same way.

    Attributes:
        compose: the transforms.
        reach: distance in px of the pixels that they read, if known: then a group is passed as one picture.
        moves: whether they may move a box.
    """

    compose: A.Compose
    reach: int | None
    moves: bool


class Augment:
    """Random changes of patches: a mirror for each on its own, then transforms of groups, ``draws`` for each batch.

    A call of albumentations costs far more than its work on a small patch, so patches take part in groups; the groups
    are new in each epoch. The outline of each patch's face travels as keypoints, so flips, turns, shifts and scalings
    change the box target with the pixels.

    Args:
        transforms: albumentations transforms or compositions of them; any that keep the size. Those that change pixels
            where they are are fastest side by side.
        draws: groups that a batch is cut into; no more than it has patches.
        mirror: probability of a patch to be turned left for right; much faster than a transform that flips.

    Raises:
        ValueError: when a setting is out of its range.
    """

    def __init__(
        self, transforms: Sequence[A.BasicTransform | A.BaseCompose], draws: int = 8, mirror: float = 0.0
    ) -> None:
        check_counts(1, draws=draws)
        if not 0 <= mirror <= 1:
            raise ValueError(f"mirror must be from 0 to 1, not {mirror}")
        self._passes = [_make_pass(list(run), reach) for reach, run in groupby(transforms, _reach)]
        self.draws, self.mirror = draws, mirror

    def __call__(self, pixels: Image, offsets: Offsets, seed: np.random.SeedSequence) -> tuple[Image, Offsets]:
        """Changed copies of patches (N, S, S, 3) and of their offsets (N, 4); the same for the same seed.

        Raises:
            AugmentError: when a transform changes the size or the type of patches, or loses faces.
        """
        *states, own = seed.generate_state(len(self._passes) + 1)
        for each, state in zip(self._passes, states, strict=True):
            # One generator for all of a pass: with a seed, albumentations gives each transform the same numbers.
            each.compose.set_random_state(np.random.default_rng(state), random.Random(int(state)))
        if self.mirror:
            pixels, offsets = _mirror(pixels, offsets, np.random.default_rng(own).random(len(pixels)) < self.mirror)
        tallest = math.ceil(len(pixels) * (pixels.shape[1] + 2 * _BLOCK) / _TALLEST)
        groups = min(max(self.draws, tallest), len(pixels))
        parts = zip(np.array_split(pixels, groups), np.array_split(offsets, groups), strict=True)
        new_pixels, new_offsets = zip(*(self._apply(*part) for part in parts), strict=True)
        for part in new_pixels:  # a transform may change some of them alone
            _check_kept(pixels, part)
        return np.concatenate(new_pixels), np.concatenate(new_offsets)

    def _apply(self, pixels: Image, offsets: Offsets) -> tuple[Image, Offsets]:
        for compose, reach, moves in self._passes:
            if reach == 0:  # a patch to a row: OpenCV converts colours along rows, and is slow on many short ones
                picture = pixels.reshape(len(pixels), -1, 3)
                pixels = compose(image=picture)["image"].reshape(*pixels.shape[:3], -1)
            elif reach is not None:
                rows = _rows(pixels.shape[1], reach)
                picture = pixels.take(rows, axis=1).reshape(-1, *pixels.shape[2:])
                changed = compose(image=picture)["image"].reshape(len(pixels), len(rows), *pixels.shape[2:])
                first = int(rows.argmin())
                pixels = changed[:, first : first + pixels.shape[1]]
            elif moves:
                size = pixels.shape[1]
                moved: dict[str, Any] = compose(images=pixels, keypoints=outlines(offsets, size))
                # Reflected borders reflect keypoints too; distortions that look for them in a mask miss some.
                if len(moved["keypoints"]) != len(pixels) * POINTS:
                    names = ", ".join(type(transform).__name__ for transform in compose.transforms)
                    raise AugmentError(
                        f"outlines of faces are lost or doubled in {names}; "
                        "set border_mode: 0 or keypoint_remapping_method: direct"
                    )
                pixels, offsets = moved["images"], outlined_offsets(moved["keypoints"], size)
            else:
                pixels = compose(images=pixels)["images"]
        return pixels, offsets


def _make_pass(transforms: list[A.BasicTransform | A.BaseCompose], reach: int | None) -> _Pass:
    # A composition (A.OneOf and the like) may hold a flip or a turn somewhere inside.
    if all(isinstance(transform, A.ImageOnlyTransform) for transform in transforms):
        return _Pass(A.Compose(transforms), reach, moves=False)
    keypoints = A.KeypointParams(format="xy", remove_invisible=False)
    return _Pass(A.Compose(transforms, keypoint_params=keypoints), reach, moves=True)


def _reach(transform: A.BasicTransform | A.BaseCompose) -> int | None:
    """How many pixels away a transform's neighbours lie, where it may take a group of patches as one picture.

    Most transforms go through a batch image by image, in a Python loop, so that one picture is faster. Those that
    measure the whole picture, as the principal colours are, would mix the patches.
    """
    match transform:
        case A.ToGray(method="pca"):
            return None
        case A.HueSaturationValue() | A.RandomBrightnessContrast() | A.ToGray():
            return 0
        case A.GaussNoise(noise_scale_factor=factor):  # less than 1 enlarges a smaller picture of noise
            return 0 if factor == 1 else math.ceil(1 / factor)
        case A.ImageCompression(compression_type="jpeg"):
            return _SMOOTHED
        # 1 would do for a kernel of 3, but then blur and compression were two passes. Kernels without a least size are
        # as wide as sigma asks for.
        case A.GaussianBlur(blur_limit=(least, most)) if 3 <= least <= most <= 2 * _SMOOTHED + 1:
            return _SMOOTHED
    return None


@cache
def _rows(size: int, reach: int) -> npt.NDArray[np.intp]:
    """Rows of a patch in a picture of many: with those within reach, as OpenCV reflects them, in whole blocks."""
    more = -(size + 2 * reach) % _BLOCK + 2 * reach
    return np.pad(np.arange(size), (more // 2, more - more // 2), mode="reflect")


def _check_kept(given: Image, changed: Image) -> None:
    """Refuse patches (N, S, S, 3) of another size or type than those given."""
    if changed.shape[1:] != given.shape[1:]:
        sizes = f"{given.shape[1:]} become {tuple(changed.shape[1:])}"
        raise AugmentError(f"patches of {sizes}; take transforms that keep the size")
    if changed.dtype != given.dtype:
        raise AugmentError(
            f"patches become {changed.dtype}; leave out Normalize, ToFloat and the like: the network normalises itself"
        )


def _mirror(pixels: Image, offsets: Offsets, chosen: npt.NDArray[np.bool_]) -> tuple[Image, Offsets]:
    """Copies of patches (N, S, S, 3) and offsets (N, 4), those that are chosen (N,) turned left for right."""
    pixels, offsets = pixels.copy(), offsets.copy()
    if chosen.any():  # OpenCV refuses an empty picture
        size = pixels.shape[1]
        turned = cv2.flip(pixels[chosen].reshape(-1, size, 3), 1)  # below each other: numpy takes ten times as long
        pixels[chosen] = turned.reshape(-1, size, size, 3)
        offsets[chosen] = boxes.mirror(torch.from_numpy(offsets[chosen])).numpy()
    return pixels, offsets
