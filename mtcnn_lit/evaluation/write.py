"""The files of an evaluation: metrics.json, detections.jsonl, charts and sheets as PNG, and one page with all of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtcnn_lit.detections import Detections
from mtcnn_lit.detections_file import detections_line, error_line
from mtcnn_lit.evaluation.page import evaluation_page
from mtcnn_lit.evaluation.pictures import draw_charts, draw_sheets
from mtcnn_lit.evaluation.scores import Scores
from mtcnn_lit.evaluation.split import SplitDetections


def write_evaluation(
    found: SplitDetections, scores: Scores, about: Mapping[str, Any], folder: Path, draw_above: float
) -> dict[str, bytes]:
    """Write everything that an evaluation has to show.

    Args:
        about: what was evaluated, as plain values: goes into metrics.json and onto the page.
        draw_above: lowest score of detections in pictures.

    Returns:
        The pictures, PNG files by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {**draw_charts(found, scores), **draw_sheets(found, scores, draw_above)}
    for name, png in pictures.items():
        (folder / f"{name}.png").write_bytes(png)
    ledger = {} if found.balance is None else {"ledger": found.balance.as_dict()}
    metrics = {**scores.figures(), "images": len(found.indices), "unreadable": len(found.errors), **about, **ledger}
    texts = {
        "metrics.json": json.dumps(finite(metrics), indent=2) + "\n",
        "detections.jsonl": "".join(f"{line}\n" for line in _lines(found)),
        "report.html": evaluation_page(found, scores, about, pictures),
    }
    for name, text in texts.items():
        # What a file name holds that is no UTF-8 becomes an escape, which JSON readers turn back.
        (folder / name).write_text(text, encoding="utf-8", errors="backslashreplace")
    return pictures


def _lines(found: SplitDetections) -> list[str]:
    def line(index: int, detections: Detections) -> str:
        name = found.source.annotations[index].name
        return error_line(name, found.errors[index]) if index in found.errors else detections_line(name, detections)

    return [line(*each) for each in zip(found.indices, found.detections, strict=True)]


def finite(node: Any) -> Any:
    """JSON has no NaN: what could not be measured is null."""
    if isinstance(node, Mapping):
        return {name: finite(value) for name, value in node.items()}
    return None if isinstance(node, float) and not math.isfinite(node) else node
