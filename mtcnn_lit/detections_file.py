"""Detections on disk: JSON lines, one for each image.

``{"image": name, "boxes": [[x1, y1, x2, y2], ...], "scores": [...]}``; an image without faces has empty lists, one that
could not be read has ``"error"`` instead. A video frame has its number and time after the name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mtcnn_lit.detections import Detections
from mtcnn_lit.errors import UserError
from mtcnn_lit.images import ImageError


class DetectionsFileError(UserError):
    """A file of detections that can't be used; the message names the line and what is wrong with it."""


def detections_line(name: str, detections: Detections, position: Mapping[str, int | float] | None = None) -> str:
    """The line of an image: boxes to a hundredth of a pixel, scores to five decimals.

    Args:
        position: number and time of a video frame, by name.
    """
    boxes, scores = rounded(detections)
    return json.dumps({"image": name, **(position or {}), "boxes": boxes, "scores": scores}, ensure_ascii=False)


def rounded(detections: Detections) -> tuple[list[list[float]], list[float]]:
    """Boxes and scores, rounded as they are written."""
    boxes = [[round(side, 2) for side in box] for box in detections.boxes.tolist()]
    return boxes, [round(score, 5) for score in detections.scores.tolist()]


def error_line(name: str, error: Exception) -> str:
    """The line of an image that could not be read."""
    return json.dumps({"image": name, "error": str(error)}, ensure_ascii=False)


def read_detections(path: str | Path) -> dict[str, Detections | ImageError]:
    """Detections by the name of their image, best score first; the error of an image that could not be read.

    Raises:
        DetectionsFileError: when the file can't be read, holds no line, or has a malformed one.
    """
    try:
        # Not `splitlines`: image names may hold characters that it splits at, such as U+2028.
        lines = Path(path).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "no UTF-8 text"
        raise DetectionsFileError(f"can't read {path}: {reason}; name the JSON lines that detect.py writes") from error
    found: dict[str, Detections | ImageError] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            name, detections = _parse(line)
        except ValueError as error:
            raise DetectionsFileError(f"{path}:{number}: {error}") from error
        if name in found:
            raise DetectionsFileError(f"{path}:{number}: a second line for {name}")
        found[name] = detections
    if not found:
        raise DetectionsFileError(f"{path} lists no image, so there is nothing to score")
    return found


def _parse(line: str) -> tuple[str, Detections | ImageError]:
    try:
        entry: Any = json.loads(line)
    except ValueError as error:  # raised for numbers of thousands of digits too
        raise ValueError(f"no JSON: {error}") from error
    except RecursionError as error:
        raise ValueError("no JSON: nested too deeply") from error
    if not isinstance(entry, dict) or not isinstance(entry.get("image"), str):
        raise ValueError('expected {"image": name, "boxes": [...], "scores": [...]}')
    if entry.get("error") is not None:
        return entry["image"], ImageError(str(entry["error"]))
    try:
        boxes, scores = (torch.tensor(entry.get(key), dtype=torch.float32) for key in ("boxes", "scores"))
        boxes = boxes.reshape(0, 4) if boxes.shape == (0,) else boxes
        if boxes.shape[1:] != (4,) or scores.ndim != 1:
            raise ValueError(f"shapes {tuple(boxes.shape)} and {tuple(scores.shape)}")
    except (ValueError, TypeError, OverflowError, RuntimeError) as error:
        raise ValueError("boxes must be rows of four numbers and scores a list of numbers") from error
    if len(boxes) != len(scores):
        raise ValueError(f"{len(boxes)} boxes but {len(scores)} scores")
    sides = boxes[:, 2:] - boxes[:, :2]  # too long for float32 where corners are not
    if not (boxes.isfinite().all() and sides.isfinite().all() and scores.isfinite().all()):
        raise ValueError("a box or a score is not finite")
    return entry["image"], Detections(boxes, scores).select(scores.argsort(descending=True, stable=True))
