"""An evaluation as an HTML page and as text for the terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mtcnn_lit.evaluation.scores import Band, Scores
from mtcnn_lit.evaluation.split import SplitDetections
from mtcnn_lit.metrics import PUBLISHED_MTCNN
from mtcnn_lit.nets import short_digest
from mtcnn_lit.report.html import Html, join, page, paragraph, picture, row, table
from mtcnn_lit.report.ledger import ledger_section
from mtcnn_lit.report.ledger import summary as ledger_summary
from mtcnn_lit.report.text import NOTHING, columns, share

_DIGEST = re.compile("[0-9a-f]{64}")
_CHARTS = {
    "precision_recall": "Precision over recall",
    "roc": "Recall over the number of false positives",
    "recall_by_height": "Share of the faces found, by height",
}
_SHEETS = {
    "misses": (
        "Worst misses",
        "The largest faces that were lost, with their height; of a cascade the step that lost them and its best score",
    ),
    "false_positives": ("Worst false positives", "The wrong detections with the highest scores, and their height"),
    "detections": ("Detections", "Detections in yellow, true faces in blue, ignored ones in grey"),
}


def evaluation_page(
    found: SplitDetections, scores: Scores, about: Mapping[str, Any], pictures: Mapping[str, bytes]
) -> str:
    """The whole page.

    Args:
        about: what was evaluated, as plain values.
        pictures: PNG files by name; those that are missing are left out.
    """
    sections = [("Figures", join(paragraph(_images(found)), _figures(scores), paragraph(_precision_by_score(scores))))]
    sections.append(("Curves", row(*(picture(pictures[name], words) for name, words in _CHARTS.items()))))
    if found.balance is not None:
        ledger = ledger_section(found.balance, pictures["ledger"])
        sections.append(("Where faces are lost", join(*_of_those_read(found), ledger)))
    for name, (title, words) in _SHEETS.items():
        if name in pictures:
            sections.append((title, join(paragraph(f"{words}."), picture(pictures[name], words))))
    sections.append(("What was evaluated", about_table(about)))
    return page(f"Evaluation on {type(found.source).__name__} {found.source.split}", sections)


def summary(found: SplitDetections, scores: Scores) -> str:
    """The figures and the ledger as aligned lines, for the terminal."""
    lines = [_images(found), columns([["", *_headers(scores)], *_rows(scores)], ">"), _precision_by_score(scores)]
    if found.balance is not None:
        whose = ", in the images that can be read" if found.errors else ""
        lines += ["", f"Faces not lost yet after each step (IoU 0.5){whose}:", ledger_summary(found.balance)]
    return "\n".join(lines)


def _of_those_read(found: SplitDetections) -> list[Html]:
    """A note if the ledger leaves out unreadable images; in the figures their faces count as missed."""
    return [paragraph("Of the images that can be read.")] if found.errors else []


def about_table(about: Mapping[str, Any]) -> Html:
    """What was evaluated: names and plain values, which may be nested."""
    return table(["", ""], [[name, _text(value)] for name, value in about.items()])


def _images(found: SplitDetections) -> str:
    """The source, the number of listed images and of unreadable ones."""
    text = found.source.summary()
    if len(found.indices) < len(found.source):
        text += f"; {len(found.indices):,} of these images are listed"
    return text + (f"; {len(found.errors):,} images can't be read" if found.errors else "")


def _figures(scores: Scores) -> Html:
    return table(["", *_headers(scores)], _rows(scores))


def _headers(scores: Scores) -> list[str]:
    return ["value", "published MTCNN, all 3,226 images"] if scores.widerface else ["value"]


def _rows(scores: Scores) -> list[list[str]]:
    """Name and value of each figure, and for WIDER FACE the published value."""
    official = [
        [f"WIDER FACE {name}", share(float(curve.average_precision())), share(PUBLISHED_MTCNN[name])]
        for name, curve in scores.widerface.items()
    ]
    figures = [("AP at IoU .5", scores.ap[0]), ("AP at IoU .5:.95", scores.ap[1])]
    recalls = scores.figures()["recall_at_false_positives"]
    figures += [(f"recall at {int(count):,} false positives", recall) for count, recall in recalls.items()]
    own = [[name, share(value), *([NOTHING] if official else [])] for name, value in figures]
    return [*official, *own]


def _precision_by_score(scores: Scores) -> str:
    """The precision for ranges of scores, in one line; without faces, the number of false positives."""
    if scores.curve.faces_count == 0:
        return f"false positives: {scores.false_positives():,} in {len(scores.wrong):,} images"
    ends = ["on", *(f"to {band.lowest:g}" for band in scores.bands)]
    shares = [
        f"{_percent(band)}% from {band.lowest:g} {end}"
        for band, end in zip(scores.bands, ends, strict=False)
        if band.shown
    ]
    return f"right by score: {', '.join(shares) or NOTHING}"


def _percent(band: Band) -> int:
    """Percentage of right detections; 100 only if all are right."""
    return 100 if band.right == band.shown else min(99, round(100 * band.right / band.shown))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(item)}" for name, item in value.items())
    if isinstance(value, str) and _DIGEST.fullmatch(value):
        return short_digest(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)
