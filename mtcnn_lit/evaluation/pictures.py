"""The pictures of an evaluation: charts of its figures, and sheets of the images themselves."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from itertools import islice

import cv2
import torch

from mtcnn_lit.draw import draw, grid
from mtcnn_lit.evaluation.contact_sheet import Scene, Spot, contact_sheet, worst_false_positives, worst_misses
from mtcnn_lit.evaluation.scores import Scores
from mtcnn_lit.evaluation.split import SplitDetections
from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.metrics import PUBLISHED_MTCNN
from mtcnn_lit.report.ledger_chart import draw_ledger
from mtcnn_lit.report.precision_recall import draw_precision_recall, draw_recall_by_size, draw_roc
from mtcnn_lit.report.style import styled, to_png
from mtcnn_lit.sources.base import spread

log = logging.getLogger(__name__)

_DRAWN = 12  # images on the sheet of detections
_SPOTS = 24  # on a sheet of misses or false positives


def draw_charts(found: SplitDetections, scores: Scores) -> dict[str, bytes]:
    """Curves, recall by height and, if a cascade detected, the ledger: PNG files by name."""
    at_half = {"IoU 0.5": scores.curve}
    with styled():
        curve = draw_precision_recall(scores.widerface or at_half, PUBLISHED_MTCNN, "MTCNN")
        charts = {"precision_recall": curve, "roc": draw_roc(at_half)}
        charts["recall_by_height"] = draw_recall_by_size(scores.sizes)
        if found.balance is not None:
            charts["ledger"] = draw_ledger(found.balance)
        return {name: to_png(chart) for name, chart in charts.items()}


def draw_sheets(found: SplitDetections, scores: Scores, draw_above: float) -> dict[str, bytes]:
    """The worst misses, the worst false positives and some images: PNG files by name; empty sheets are left out.

    Images that can't be read are skipped: detections from a file need not list them as errors.

    Args:
        draw_above: lowest score of the detections that are drawn.
    """
    every = dict(zip(found.indices, found.detections, strict=True))
    wrong_above = min(draw_above, _lowest_wrong(found, scores))

    @functools.lru_cache(maxsize=8)  # an image has several spots
    def look(index: int, lowest: float = draw_above) -> Scene:
        shown = every[index].select(every[index].scores >= lowest)
        return Scene(found.source.read(index), shown, found.faces(index))

    unreadable = set(found.errors)

    def readable(index: int) -> bool:
        if index not in unreadable:
            try:
                look(index)
            except ImageError as error:
                log.warning("not drawn: %s", error)
                unreadable.add(index)
        return index not in unreadable

    spots = {
        "misses": _misses(found, scores),
        "false_positives": worst_false_positives(found.detections, scores.wrong, found.indices, _SPOTS),
    }
    drawn = {name: list(islice((s for s in each if readable(s.image)), _SPOTS)) for name, each in spots.items()}
    looks: dict[str, Callable[[int], Scene]] = {
        "misses": look,
        "false_positives": functools.partial(look, lowest=wrong_above),
    }
    sheets = {name: contact_sheet(each, looks[name]) for name, each in drawn.items() if each}
    if images := [index for index in _spread(found) if readable(index)]:
        sheets["detections"] = grid([_overview(found, look, index) for index in images])
    return {name: to_file(sheet) for name, sheet in sheets.items()}


def _misses(found: SplitDetections, scores: Scores) -> list[Spot]:
    """The largest faces that the cascade lost; for detections from a file, all missed faces by size."""
    if found.balance is not None:
        return worst_misses(found.balance.losses, _SPOTS)
    spots = [
        Spot(index, (x1, y1, x2, y2), f"{y2 - y1:.0f} px")
        for index, missed in zip(found.indices, scores.missed, strict=True)
        for x1, y1, x2, y2 in found.faces(index)[missed].tolist()
    ]
    return sorted(spots, key=lambda spot: spot.box[3] - spot.box[1], reverse=True)


def _lowest_wrong(found: SplitDetections, scores: Scores) -> float:
    """The lowest score on the sheet of wrong detections, all of which are drawn."""
    wrong = [each.scores[mask].cpu() for each, mask in zip(found.detections, scores.wrong, strict=True)]
    best = torch.cat([torch.ones(1), *wrong]).sort(descending=True).values[: _SPOTS + 1]
    return float(best[-1])


def _spread(found: SplitDetections) -> list[int]:
    """Images for the sheet of detections, evenly spread."""
    indices = [index for index in found.indices if index not in found.errors]
    return [indices[place] for place in spread(len(indices), _DRAWN)]


def _overview(found: SplitDetections, look: Callable[[int], Scene], index: int) -> Image:
    scene = look(index)
    return draw(scene.image, scene.detections, scene.faces, found.ignored(index))


def to_file(image: Image) -> bytes:
    """The picture, uint8 RGB (H, W, 3), as a PNG file."""
    return bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1])
