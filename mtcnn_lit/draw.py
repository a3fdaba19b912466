"""Draw boxes on an image, images in a grid, patches on a sheet. Arguments are not changed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from torch import Tensor

from mtcnn_lit.detections import Detections
from mtcnn_lit.images import Image

Colour = tuple[int, int, int]

# Yellow and blue contrast with skin and with each other, for the colour-blind too.
DETECTION: Colour = (255, 221, 0)
FACE: Colour = (0, 140, 255)
IGNORED: Colour = (160, 160, 160)
_GROUND: Colour = (40, 42, 48)
_INK: Colour = (0, 0, 0)
_TITLE: Colour = (235, 235, 235)

_FONT = cv2.FONT_HERSHEY_DUPLEX
_GAP = 4  # px between the cells of a grid or sheet
_TITLE_HEIGHT, _TITLE_SCALE = 34, 0.6  # px, and the size of its letters
_CAPTION_HEIGHT, _CAPTION_SCALE = 24, 0.42
_PATCH_SIDE = 96  # px that patches are enlarged to, or just below: a multiple of 12, 24 and 48


def draw(
    image: Image,
    detections: Detections,
    faces: Tensor | None = None,
    ignored: Tensor | None = None,
    scores: bool = True,
) -> Image:
    """A copy of the picture with detections and their scores, over the true faces and ignored regions in other colours.

    Lines and labels scale with the picture.

    Args:
        image: uint8 RGB (H, W, 3).
        detections: drawn in `DETECTION`.
        faces: (N, 4) boxes in pixels, drawn in `FACE`.
        ignored: (M, 4) boxes in pixels, drawn in `IGNORED`.
        scores: whether scores are written beside the detections.
    """
    canvas = np.array(image, order="C")
    width = max(1, round(_extent(canvas) / 500))
    if ignored is not None:
        _outline(canvas, ignored, IGNORED, width)
    if faces is not None:
        _outline(canvas, faces, FACE, 2 * width)
    _outline(canvas, detections.boxes, DETECTION, width)
    if scores:
        corners = _pixels(detections.boxes[:, :2])
        # Best last, so that their labels are on top.
        for (x, y), score in reversed(list(zip(corners, detections.scores.tolist(), strict=True))):
            _label(canvas, f"{score:.2f}", x, y)
    return canvas


def grid(images: Sequence[Image], columns: int | None = None, cell: tuple[int, int] = (480, 360)) -> Image:
    """Pictures of any sizes on one sheet, row by row, each as large as its cell allows, on a dark background.

    Args:
        images: uint8 RGB (H, W, 3), at least one.
        columns: cells in a row; unset, about as many as rows.
        cell: width and height of each cell, px.

    Raises:
        ValueError: without images.
    """
    if not images:
        raise ValueError("a grid needs at least one image")
    return _tile([_letterbox(image, *cell) for image in images], columns or math.ceil(math.sqrt(len(images))))


def captioned(image: Image, text: str) -> Image:
    """The picture with a line of text below it, cut at the picture's width."""
    height, width = image.shape[:2]
    line = _title(text, _CAPTION_HEIGHT, _CAPTION_SCALE)[:, :width]
    canvas = _ground(height + _CAPTION_HEIGHT, width)
    _paste(canvas, image, 0, 0)
    _paste(canvas, line, height, 0)
    return canvas


def sheet(rows: Mapping[str, Image], columns: int = 12) -> Image:
    """Patches under titles, one block a title, enlarged without smoothing so that every pixel of a 12 px patch is seen.

    Args:
        rows: uint8 RGB patches (N, S, S, 3) by title; N may be 0.
        columns: patches in a row.

    Raises:
        ValueError: without titles.
    """
    if not rows:
        raise ValueError("a sheet needs at least one title")
    blocks = [part for title, patches in rows.items() for part in (_title(title), _tile(_enlarge(patches), columns))]
    canvas = _ground(sum(block.shape[0] for block in blocks), max(block.shape[1] for block in blocks))
    top = 0
    for block in blocks:
        _paste(canvas, block, top, 0)
        top += block.shape[0]
    return canvas


def _extent(canvas: Image) -> int:
    """The length that lines and labels scale with: the longer side, at most three times the shorter."""
    shorter, longer = sorted(canvas.shape[:2])
    return int(min(longer, 3 * shorter))


def _outline(canvas: Image, boxes: Tensor, colour: Colour, width: int) -> None:
    """Draw boxes in place."""
    for x1, y1, x2, y2 in _pixels(boxes):
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), colour, width)


def _pixels(coordinates: Tensor) -> list[list[int]]:
    """Whole pixels, clamped to the range that OpenCV takes."""
    pixels: list[list[int]] = coordinates.round().clamp(-(2**24), 2**24).int().tolist()
    return pixels


def _label(canvas: Image, text: str, x: int, y: int) -> None:
    """Write a small label in place above the point (x, y), or below it where there is no room, inside the picture."""
    width = canvas.shape[1]
    scale = max(0.35, _extent(canvas) / 1600)
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, 1)
    margin = max(2, text_height // 4)
    box_width, box_height = text_width + 2 * margin, text_height + 2 * margin
    left = min(max(x, 0), max(width - box_width, 0))
    top = y - box_height if y >= box_height else max(y, 0)
    cv2.rectangle(canvas, (left, top), (left + box_width - 1, top + box_height - 1), DETECTION, cv2.FILLED)
    cv2.putText(canvas, text, (left + margin, top + margin + text_height), _FONT, scale, _INK, 1, cv2.LINE_AA)


def _letterbox(image: Image, width: int, height: int) -> Image:
    """The picture at the largest size that fits, centred on the dark background."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = _ground(height, width)
    _paste(canvas, np.asarray(resized, dtype=np.uint8), (height - size[1]) // 2, (width - size[0]) // 2)
    return canvas


def _enlarge(patches: Image) -> list[Image]:
    """Enlarge patches by the largest whole factor that keeps them within `_PATCH_SIDE`."""
    factor = max(1, _PATCH_SIDE // patches.shape[1])
    return list(patches.repeat(factor, axis=1).repeat(factor, axis=2))


def _title(text: str, height: int = _TITLE_HEIGHT, scale: float = _TITLE_SCALE) -> Image:
    """The title on a strip of the dark background, as wide as the text."""
    (width, letters), _ = cv2.getTextSize(text, _FONT, scale, 1)
    strip = _ground(height, width + 4 * _GAP)
    cv2.putText(strip, text, (_GAP, (height + letters) // 2), _FONT, scale, _TITLE, 1, cv2.LINE_AA)
    return strip


def _tile(cells: Sequence[Image], columns: int) -> Image:
    """Cells of one size, row by row, with a gap around each; without cells only the gap."""
    if not cells:
        return _ground(_GAP, _GAP)
    columns = min(columns, len(cells))
    height, width = cells[0].shape[0] + _GAP, cells[0].shape[1] + _GAP
    canvas = _ground(math.ceil(len(cells) / columns) * height + _GAP, columns * width + _GAP)
    for index, cell in enumerate(cells):
        _paste(canvas, cell, _GAP + index // columns * height, _GAP + index % columns * width)
    return canvas


def _ground(height: int, width: int) -> Image:
    return np.full((height, width, 3), _GROUND, dtype=np.uint8)


def _paste(canvas: Image, image: Image, top: int, left: int) -> None:
    canvas[top : top + image.shape[0], left : left + image.shape[1]] = image
