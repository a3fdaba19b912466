"""Write an evaluation: metrics.json, detections.jsonl, charts and sheets as PNG, and a page with all of them."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtcnn_lit.detections import Detections
from mtcnn_lit.detections_file import detections_line, error_line
from mtcnn_lit.errors import UserError, is_disk_full
from mtcnn_lit.evaluation.page import evaluation_page
from mtcnn_lit.evaluation.pictures import draw_charts, draw_sheets
from mtcnn_lit.evaluation.scores import Scores
from mtcnn_lit.evaluation.split import SplitDetections
from mtcnn_lit.files import write_atomically


def write_evaluation(
    found: SplitDetections, scores: Scores, about: Mapping[str, Any], folder: Path, draw_above: float
) -> dict[str, bytes]:
    """Write the files of an evaluation; the most expensive results first.

    Args:
        about: what was evaluated, as plain values, for metrics.json and the page.
        draw_above: lowest score of detections in pictures.

    Returns:
        The pictures, PNG files by name.

    Raises:
        UserError: when the disk is full.
    """
    detections = folder / "detections.jsonl"
    write_files(folder, {detections.name: "".join(f"{line}\n" for line in _lines(found))})
    remedy = f"the same command with {shlex.quote(f'detections={detections}')}, which spares detecting again"
    ledger = {} if found.balance is None else {"ledger": found.balance.as_dict()}
    metrics = {**scores.figures(), "images": len(found.indices), "unreadable": len(found.errors), **about, **ledger}
    write_files(folder, {"metrics.json": json.dumps(finite(metrics), indent=2) + "\n"}, remedy)
    pictures = {**draw_charts(found, scores), **draw_sheets(found, scores, draw_above)}
    page = evaluation_page(found, scores, about, pictures)
    write_files(folder, {"report.html": page, **{f"{name}.png": png for name, png in pictures.items()}}, remedy)
    return pictures


def write_files(folder: Path, files: Mapping[str, str | bytes], remedy: str = "the same command again") -> None:
    """Write files by name, in this order, each atomically; creates the folder.

    Args:
        remedy: what to do once there is room.

    Raises:
        UserError: when the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(folder / name, content)
    except OSError as error:
        if not is_disk_full(error):
            raise
        raise UserError(f"{folder}: {error.strerror}; make room, then {remedy}") from error


def _lines(found: SplitDetections) -> list[str]:
    def line(index: int, detections: Detections) -> str:
        name = found.source.annotations[index].name
        return error_line(name, found.errors[index]) if index in found.errors else detections_line(name, detections)

    return [line(*each) for each in zip(found.indices, found.detections, strict=True)]


def finite(node: Any) -> Any:
    """Replace NaN and infinity by None, since JSON has neither."""
    if isinstance(node, Mapping):
        return {name: finite(value) for name, value in node.items()}
    return None if isinstance(node, float) and not math.isfinite(node) else node
