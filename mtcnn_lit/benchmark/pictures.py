"""The pictures of a benchmark: as they are, cut from one large picture, and a crowd made of faces."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle, islice

import cv2
import numpy as np
import torch

from mtcnn_lit.boxes import square, widen
from mtcnn_lit.cascade import Pyramid
from mtcnn_lit.images import Image
from mtcnn_lit.sources.base import BoxArray

# Side of a crowd's tiles, px, and how much larger than its face a tile's region is: 420 whole faces in 1080 by 1920.
TILE = 68
_MARGIN = 1.5


def tiled(pictures: Sequence[Image], height: int, width: int) -> Image:
    """One picture tiled with the given ones, repeated, near their own size: the centre of rows of equal height.

    Shape: -> (height, width, 3) uint8 RGB
    """
    row_height = int(np.median([picture.shape[0] for picture in pictures]))
    supply = cycle(_of_height(picture, row_height) for picture in pictures)
    rows = [_row(supply, width) for _ in range(math.ceil(height / row_height))]
    whole = np.concatenate(rows)
    top = (len(whole) - height) // 2
    return np.ascontiguousarray(whole[top : top + height])


def _of_height(picture: Image, height: int) -> Image:
    width = max(1, round(picture.shape[1] * height / picture.shape[0]))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _row(supply: cycle[Image], width: int) -> Image:
    parts = [next(supply)]
    while sum(part.shape[1] for part in parts) < width:
        parts.append(next(supply))
    row = np.concatenate(parts, axis=1)
    left = (row.shape[1] - width) // 2
    return row[:, left : left + width]


def shape_of(megapixels: float) -> tuple[int, int]:
    """Height and width of a picture of that size, in the ratio 3 : 4; rounded down, so that halves fit in twice."""
    return int(math.sqrt(megapixels * 1e6 * 3 / 4)), int(math.sqrt(megapixels * 1e6 * 4 / 3))


def pieces(picture: Image, height: int, width: int) -> list[Image]:
    """The non-overlapping pieces of that size that fit into the picture."""
    tops = range(0, picture.shape[0] - height + 1, height)
    lefts = range(0, picture.shape[1] - width + 1, width)
    return [np.ascontiguousarray(picture[top : top + height, left : left + width]) for top in tops for left in lefts]


def face_tiles(picture: Image, faces: BoxArray) -> list[Image]:
    """The square around each of the faces (N, 4), 1.5 times as wide, as a tile of 68 by 68 px."""
    regions = widen(square(torch.from_numpy(faces)), _MARGIN)
    return list(Pyramid(picture).crops(regions.numpy(), TILE))


def crowd(tiles: Sequence[Image], height: int, width: int) -> Image:
    """A picture full of faces, repeated ones mirrored every other time. Shape: -> (height, width, 3)."""
    rows, columns = math.ceil(height / TILE), math.ceil(width / TILE)
    both = [*tiles, *(tile[:, ::-1] for tile in tiles)]
    grid = np.stack(list(islice(cycle(both), rows * columns))).reshape(rows, columns, TILE, TILE, 3)
    whole = grid.swapaxes(1, 2).reshape(rows * TILE, columns * TILE, 3)
    return np.ascontiguousarray(whole[:height, :width])
