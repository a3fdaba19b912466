"""Contact sheets: the worst misses and the worst false positives of a detector, each with its surroundings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mtcnn_lit.boxes import area, clip, square, widen
from mtcnn_lit.cascade import Pyramid
from mtcnn_lit.detections import Detections
from mtcnn_lit.draw import captioned, draw, grid
from mtcnn_lit.images import Image
from mtcnn_lit.ledger import STEP_TITLES, FaceLoss

_MOST = 24  # spots on a sheet
_COLUMNS = 6
_SIDE = 240  # px of a spot's picture
_CONTEXT = 3  # width of the shown region in widths of the box


class Spot(NamedTuple):
    """A region to show: the image's number, ``x1 y1 x2 y2`` in its pixels, and a caption."""

    image: int
    box: tuple[float, float, float, float]
    caption: str


class Scene(NamedTuple):
    """An image, its detections and its (N, 4) true faces."""

    image: Image
    detections: Detections
    faces: Tensor


def worst_misses(losses: Sequence[FaceLoss], most: int = _MOST) -> list[Spot]:
    """The largest of the lost faces, largest first: with their height, the step that lost them and its best score."""
    largest = sorted(losses, key=lambda loss: loss.height, reverse=True)[:most]
    return [
        Spot(loss.image, loss.box, f"{loss.height:.0f} px, {STEP_TITLES[loss.step]} {loss.score:.2f}")
        for loss in largest
    ]


def worst_false_positives(
    found: Sequence[Detections], wrong: Sequence[Tensor], numbers: Sequence[int], most: int = _MOST
) -> list[Spot]:
    """The wrong detections with the highest scores, highest first: with score and height.

    Args:
        found: the detections of each image.
        wrong: (N,) bool, where they are WRONG (see `mtcnn_lit.metrics.match`).
        numbers: the number of each image, for `Spot.image`.
    """
    best = [each.select(mask).cpu() for each, mask in zip(found, wrong, strict=True)]
    spots = [
        (score, Spot(number, (x1, y1, x2, y2), f"{score:.2f}, {y2 - y1:.0f} px"))
        for number, each in zip(numbers, best, strict=True)
        for (x1, y1, x2, y2), score in zip(each.boxes[:most].tolist(), each.scores[:most].tolist(), strict=True)
    ]
    return [spot for _, spot in sorted(spots, key=lambda pair: pair[0], reverse=True)[:most]]


def contact_sheet(spots: Sequence[Spot], look: Callable[[int], Scene]) -> Image:
    """The spots on one sheet, row by row, each in the middle of its cell, as `mtcnn_lit.draw.draw` shows its image.

    Args:
        spots: at least one.
        look: returns the scene of an image by its number; its detections and faces are drawn.

    Raises:
        ValueError: without spots.
    """
    if not spots:
        raise ValueError("a contact sheet needs at least one spot")
    cells = [captioned(_cut(look(spot.image), spot.box), spot.caption) for spot in spots]
    height, width = cells[0].shape[:2]
    return grid(cells, _COLUMNS, (width, height))


def _cut(scene: Scene, box: tuple[float, float, float, float]) -> Image:
    """The square around a box that is `_CONTEXT` times as wide, black beyond the image, with all boxes in it."""
    region = widen(square(torch.tensor([box], dtype=torch.float32)), _CONTEXT)
    (pixels,) = Pyramid(scene.image).crops(region.numpy(), _SIDE)
    origin, scale = region[:, :2].repeat(1, 2), _SIDE / (region[0, 2] - region[0, 0])
    boxes, faces = ((each - origin) * scale for each in (scene.detections.boxes, scene.faces))
    seen = area(clip(boxes, _SIDE, _SIDE)) > 0  # for others only labels would be drawn, at the border
    return draw(pixels, Detections(boxes, scene.detections.scores).select(seen), faces)
