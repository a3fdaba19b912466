"""An evaluation as one page, and as lines for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mtcnn_lit.evaluation.scores import Scores
from mtcnn_lit.evaluation.split import SplitDetections
from mtcnn_lit.metrics import PUBLISHED_MTCNN
from mtcnn_lit.report.html import Html, join, page, paragraph, picture, table
from mtcnn_lit.report.ledger import ledger_section
from mtcnn_lit.report.ledger import summary as ledger_summary
from mtcnn_lit.report.text import columns

_PICTURES = {
    "precision_recall": ("Precision and recall", "Precision over recall"),
    "roc": ("Discrete ROC", "Recall over the number of false positives"),
    "recall_by_height": ("Recall by height", "Share of the faces found, by height"),
    "misses": ("Worst misses", "The largest faces that were lost, with their height, the step and its best score"),
    "false_positives": ("Worst false positives", "The wrong detections with the highest scores"),
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
    sections: list[tuple[str, Html]] = [("Figures", join(paragraph(found.source.summary()), _figures(found, scores)))]
    if found.balance is not None:
        sections.append(("Where faces are lost", ledger_section(found.balance, pictures["ledger"])))
    sections += [
        (title, join(paragraph(f"{words}."), picture(pictures[name], words)))
        for name, (title, words) in _PICTURES.items()
        if name in pictures
    ]
    sections.append(("What was evaluated", about_table(about)))
    return page(f"Evaluation on {type(found.source).__name__} {found.source.split}", sections)


def summary(found: SplitDetections, scores: Scores) -> str:
    """The figures and the ledger as aligned lines, for the terminal."""
    rows = [
        [name, figure, f"{reference}  published MTCNN" if reference else ""]
        for name, figure, reference in _rows(scores)
    ]
    lines = [found.source.summary(), columns(rows)]
    if found.balance is not None:
        lines += ["", "Faces not lost yet after each step (IoU 0.5):", ledger_summary(found.balance)]
    return "\n".join(lines)


def about_table(about: Mapping[str, Any]) -> Html:
    """What was evaluated: names and plain values, which may be nested."""
    return table(["", ""], [[name, _text(value)] for name, value in about.items()])


def _figures(found: SplitDetections, scores: Scores) -> Html:
    rows = [list(row) for row in _rows(scores)]
    note = f"{len(found.indices):,} images, {scores.curve.faces_count:,} faces"
    if found.errors:
        note += f", {len(found.errors):,} images that can't be read"
    return join(paragraph(f"{note}."), table(["", "value", "published MTCNN, all 3,226 pictures"], rows))


def _rows(scores: Scores) -> list[tuple[str, str, str]]:
    """Name, value and reference of each figure."""
    official = [
        (f"WIDER FACE {name}", share(float(curve.average_precision())), share(PUBLISHED_MTCNN[name]))
        for name, curve in scores.widerface.items()
    ]
    recalls = scores.figures()["recall_at_false_positives"]
    return [
        *official,
        ("AP at IoU .5", share(scores.ap[0]), ""),
        ("AP at IoU .5:.95", share(scores.ap[1]), ""),
        *((f"recall at {int(count):,} false positives", share(recall), "") for count, recall in recalls.items()),
    ]


def share(value: float) -> str:
    """A share with three decimals; a dash where it could not be measured."""
    return "–" if math.isnan(value) else f"{value:.3f}"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(item)}" for name, item in value.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
