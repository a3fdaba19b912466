"""Write the evaluation of one network: metrics.json, pictures as PNG, and a page with all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mtcnn_lit.data.patches import Label
from mtcnn_lit.draw import grid, sheet
from mtcnn_lit.evaluation.page import about_table
from mtcnn_lit.evaluation.patches import PatchScores, Predictions, box_iou_by_label, figures, scores_by_origin
from mtcnn_lit.evaluation.pictures import to_file
from mtcnn_lit.evaluation.write import finite, write_files
from mtcnn_lit.images import Image
from mtcnn_lit.mining.store import PatchStore
from mtcnn_lit.report.html import Html, join, page, paragraph, picture, table
from mtcnn_lit.report.patch_charts import draw_box_iou, draw_pr_roc
from mtcnn_lit.report.style import styled, to_png
from mtcnn_lit.report.text import columns, share

_WORST = 36  # patches of each label on the sheet
_NAMES = {
    "accuracy": "accuracy at a score of .5",
    "precision": "precision at a score of .5",
    "recall": "recall at a score of .5",
    "ap": "average precision",
    "auroc": "area under the ROC",
    "box_iou_before": "box IoU before regression",
    "box_iou_after": "box IoU after regression",
}
_PICTURES = {
    "pr_roc": ("Precision, recall and ROC", "Positives against negatives; parts are neither right nor wrong"),
    "box_iou": ("Box IoU", "IoU with the face, of the patch as it was cut and of the box that the network moves it to"),
    "patches": ("Worst judged patches", "The negatives with the highest scores and the positives with the lowest"),
    "detections": (
        "Detections",
        "The best of what the cascade up to this network detects in yellow, true faces in blue, ignored ones in grey",
    ),
}


def write_patch_evaluation(
    predictions: Predictions,
    store: PatchStore,
    drawn: Sequence[Image],
    title: str,
    about: Mapping[str, Any],
    folder: Path,
) -> None:
    """Write the files of one network's evaluation.

    Args:
        store: the store of the evaluated patches.
        drawn: test images with detections.
        title: of the page.
        about: what was evaluated, as plain values, for metrics.json and the page.

    Raises:
        UserError: when the disk is full.
    """
    write_files(folder, {"metrics.json": json.dumps(finite({**figures(predictions), **about}), indent=2) + "\n"})
    pictures = {**_charts(predictions), "patches": to_file(sheet(worst_patches(predictions, store)))}
    if drawn:
        pictures["detections"] = to_file(grid(drawn))
    page = _page(predictions, pictures, title, about)
    write_files(folder, {"report.html": page, **{f"{name}.png": png for name, png in pictures.items()}})


def patch_summary(predictions: Predictions) -> str:
    """The figures as aligned lines, for the terminal: of all patches, then by origin."""
    whole = [[name, value] for name, value in _rows(PatchScores.of(predictions))]
    return f"{columns(whole)}\n\n{columns(_origin_rows(predictions), '>')}"


def _charts(predictions: Predictions) -> dict[str, bytes]:
    scores = PatchScores.of(predictions)
    with styled():
        return {
            "pr_roc": to_png(draw_pr_roc(*predictions.judged(), scores.ap, scores.auroc)),
            "box_iou": to_png(draw_box_iou(box_iou_by_label(predictions))),
        }


def worst_patches(predictions: Predictions, store: PatchStore) -> dict[str, Image]:
    """The worst predictions, one an image, worst first, by a title with their scores."""
    rows = {}
    for kind, words, largest in (
        (Label.NEGATIVE, "negatives with the highest scores", True),
        (Label.POSITIVE, "positives with the lowest scores", False),
    ):
        part = predictions.where(predictions.labels == kind)
        order = part.scores.argsort(descending=largest, stable=True)
        images = store.patches.image[part.place[order].numpy()]
        first_of_image = np.sort(np.unique(images, return_index=True)[1])[:_WORST]
        chosen = order[torch.from_numpy(first_of_image)]
        title = f"{words}, {_range(part.scores[chosen])}"
        rows[title] = store.patches.pixels[part.place[chosen].numpy()]
    return rows


def _range(scores: Tensor) -> str:
    return f"{float(scores[0]):.3f} to {float(scores[-1]):.3f}"


def _page(predictions: Predictions, pictures: Mapping[str, bytes], title: str, about: Mapping[str, Any]) -> str:
    header, *rows = _origin_rows(predictions)
    sections: list[tuple[str, Html]] = [
        ("Figures", table(["", "value"], _rows(PatchScores.of(predictions)))),
        ("By origin of the patches", table(header, rows)),
    ]
    sections += [
        (heading, join(paragraph(f"{words}."), picture(pictures[name], words)))
        for name, (heading, words) in _PICTURES.items()
        if name in pictures
    ]
    return page(title, [*sections, ("What was evaluated", about_table(about))])


def _rows(scores: PatchScores) -> list[tuple[str, str]]:
    """Name and value of each figure."""
    counts = f"{scores.positive:,} positive, {scores.part:,} part, {scores.negative:,} negative"
    return [("patches", counts), *((words, share(getattr(scores, name))) for name, words in _NAMES.items())]


def _origin_rows(predictions: Predictions) -> list[list[str]]:
    """A table with a header: the figures by origin."""
    header = ["origin", "positive", "part", "negative", "accuracy", "AP", "IoU before", "after"]
    return [header] + [
        [name, *(f"{count:,}" for count in (each.positive, each.part, each.negative))]
        + [share(value) for value in (each.accuracy, each.ap, each.box_iou_before, each.box_iou_after)]
        for name, each in scores_by_origin(predictions).items()
    ]
