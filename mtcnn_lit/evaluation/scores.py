"""Metrics of detections: average precision, recall by size, and WIDER FACE's protocol if it applies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from mtcnn_lit.detections import Detections
from mtcnn_lit.evaluation.split import SplitDetections
from mtcnn_lit.metrics import (
    IGNORED,
    IOU_RANGE,
    WRONG,
    AveragePrecision,
    FoundFaces,
    PrecisionRecall,
    RecallBySize,
    WiderFaceAP,
    WiderFaceTruth,
    match,
)

_FOUND_IOU = 0.5
# Numbers of false positives over all images at which recall is reported.
_FALSE_POSITIVES = (10, 100, 1000)
# Lower bounds of the bands of scores for which precision is reported.
_BANDS = (0.9, 0.8, 0.7, 0.6, 0.5)


class Band(NamedTuple):
    """Detections of similar scores, without ignored ones.

    Attributes:
        lowest: lowest score of the band; the band above begins where it ends.
        shown: detections in it.
        right: those that found a face.
    """

    lowest: float
    shown: int
    right: int


@dataclass(frozen=True)
class Scores:
    """Metrics of detections.

    Attributes:
        ap: average precision at IoU 0.5 and, as the mean over .5:.05:.95, at all of `IOU_RANGE`.
        curve: precision and recall at IoU 0.5.
        sizes: faces found by size class.
        bands: how many detections are right, by score.
        widerface: curves of WIDER FACE's official protocol by difficulty; empty for other sources.
        wrong: where the detections of each image are wrong at IoU 0.5, (N,) bool each.
        missed: (F,) bool for the faces of each image, True where no detection found the face.
    """

    ap: tuple[float, float]
    curve: PrecisionRecall
    sizes: Mapping[str, FoundFaces]
    bands: Sequence[Band]
    widerface: Mapping[str, PrecisionRecall]
    wrong: Sequence[Tensor]
    missed: Sequence[Tensor]

    def false_positives(self) -> int:
        """How many detections of all images are wrong at IoU 0.5, whatever their score."""
        return sum(int(each.sum()) for each in self.wrong)

    def figures(self) -> dict[str, Any]:
        """Plain numbers for JSON."""
        official = {name: float(curve.average_precision()) for name, curve in self.widerface.items()}
        recalls = zip(_FALSE_POSITIVES, self.curve.recall_at(_FALSE_POSITIVES), strict=True)
        return {
            **official,
            "ap": self.ap[0],
            "ap_50_95": self.ap[1],
            "faces": self.curve.faces_count,
            "false_positives": self.false_positives(),
            "recall_by_height": {name: {**count._asdict()} for name, count in self.sizes.items()},
            "right_by_score": {f"{band.lowest:g}": {"shown": band.shown, "right": band.right} for band in self.bands},
            "recall_at_false_positives": {str(count): recall for count, recall in recalls},
        }


def score(found: SplitDetections, truth: WiderFaceTruth | None = None) -> Scores:
    """Compare detections with the true faces of their images.

    Args:
        truth: the lists of WIDER FACE's official evaluation, when the images are of its validation set.
    """
    precision, sizes = AveragePrecision(IOU_RANGE), RecallBySize()
    every, wrong, missed = [], [], []
    for index, detections in zip(found.indices, found.detections, strict=True):
        faces, ignored = found.faces(index), found.ignored(index)
        precision.update([detections], [faces], [ignored])
        sizes.update([detections], [faces], [ignored])
        verdicts = match(detections, faces, ignored, _FOUND_IOU)
        every.append(verdicts)
        wrong.append(verdicts == WRONG)
        missed.append(_unmatched(len(faces), verdicts))
    curves = precision.curves()
    ap = float(curves[_FOUND_IOU].average_precision()), float(precision.compute())
    bands = _bands(found.detections, every)
    return Scores(ap, curves[_FOUND_IOU], sizes.counts(), bands, _official(found, truth), wrong, missed)


def _bands(detections: Sequence[Detections], verdicts: Sequence[Tensor]) -> list[Band]:
    scores = torch.cat([torch.zeros(0), *(each.scores for each in detections)])
    what = torch.cat([torch.zeros(0, dtype=torch.long), *verdicts])
    highest = torch.inf
    bands = []
    for lowest in _BANDS:
        inside = what[(scores >= lowest) & (scores < highest) & (what != IGNORED)]
        bands.append(Band(lowest, len(inside), int((inside != WRONG).sum())))
        highest = lowest
    return bands


def _unmatched(faces: int, verdicts: Tensor) -> Tensor:
    missed = verdicts.new_ones(faces).bool()
    missed[verdicts[verdicts >= 0]] = False
    return missed


def _official(found: SplitDetections, truth: WiderFaceTruth | None) -> dict[str, PrecisionRecall]:
    if truth is None:
        return {}
    names = [found.source.annotations[index].name for index in found.indices]
    metric = WiderFaceAP(truth.restricted_to(names))
    metric.update(names, found.detections)
    return metric.curves()
