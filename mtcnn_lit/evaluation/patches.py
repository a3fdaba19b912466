"""Metrics of one network on mined patches: classification, and box IoU before and after regression."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    binary_accuracy,
    binary_auroc,
    binary_average_precision,
    binary_precision,
    binary_recall,
)
from tqdm import tqdm

from mtcnn_lit.boxes import encode, offset_iou, widen
from mtcnn_lit.data.patches import Label, PatchDataset, PatchError
from mtcnn_lit.mining.store import Origin
from mtcnn_lit.nets import Net, normalize

_METRICS: Mapping[str, Callable[..., Tensor]] = {
    "accuracy": binary_accuracy,
    "precision": binary_precision,
    "recall": binary_recall,
    "ap": binary_average_precision,
    "auroc": binary_auroc,
}


class Predictions(NamedTuple):
    """A network's predictions for labelled patches.

    Attributes:
        place: (N,) int64, index of each patch in its store.
        labels: (N,) int64, a `Label`, never NONE.
        origin: (N,) int64, an `Origin`.
        scores: (N,) float32 in [0, 1].
        iou_before: (N,) float32, IoU of the crop itself with its face; meaningless for negatives.
        iou_after: (N,) float32, IoU of the regressed box with that face, likewise.
    """

    place: Tensor
    labels: Tensor
    origin: Tensor
    scores: Tensor
    iou_before: Tensor
    iou_after: Tensor

    def where(self, mask: Tensor) -> Predictions:
        """The predictions where a mask (N,) holds."""
        return Predictions(*(column[mask] for column in self))

    def judged(self) -> tuple[Tensor, Tensor]:
        """Scores of positives and negatives, and which are faces; parts don't count."""
        judged = self.labels != Label.PART
        return self.scores[judged], (self.labels[judged] == Label.POSITIVE).long()

    def located(self) -> Predictions:
        """Those with a face to regress to: positives and parts."""
        return self.where(self.labels != Label.NEGATIVE)


@torch.no_grad()
def predict(net: Net, dataset: PatchDataset, batch_size: int) -> Predictions:
    """Run a network on all labelled patches, in batches, on its device.

    Raises:
        PatchError: when there are no positives or no negatives.
    """
    labelled = torch.from_numpy(np.flatnonzero(dataset.labels != Label.NONE))
    labels = torch.from_numpy(dataset.labels)[labelled]
    if missing := [kind.name.lower() for kind in (Label.POSITIVE, Label.NEGATIVE) if kind not in labels.unique()]:
        raise PatchError(
            f"no {missing[0]} patches in {dataset.store.folder}: a network is measured on faces and background, "
            "so take a source whose test images have both"
        )
    device = next(net.parameters()).device
    crop = _crop_offsets(net.context)
    scores, before, after = [], [], []
    for indices in tqdm(labelled.split(batch_size), desc="judging patches", unit="batch", dynamic_ncols=True):
        batch = dataset.__getitems__(indices.numpy())
        logits, offsets = net(normalize(batch.pixels.to(device)))
        scores.append(logits.flatten().sigmoid().cpu())
        # Not the stored IoU: for a narrow face that is with the square around it.
        before.append(offset_iou(crop.expand_as(batch.offsets), batch.offsets))
        after.append(offset_iou(offsets.flatten(1).cpu(), batch.offsets))
    origin = torch.from_numpy(dataset.store.patches.origin[labelled.numpy()]).long()
    return Predictions(labelled, labels, origin, torch.cat(scores), torch.cat(before), torch.cat(after))


def _crop_offsets(context: float) -> Tensor:
    """Offsets (1, 4) from the region that a network sees to the crop at its centre."""
    crop = torch.tensor([[0.0, 0.0, 1.0, 1.0]])
    return encode(widen(crop, context), crop)


@dataclass(frozen=True)
class PatchScores:
    """Figures of a network on patches; NaN if they can't be measured.

    Attributes:
        positive, part, negative: how many patches.
        accuracy, precision, recall: of faces among positives and negatives, at a score of 0.5.
        ap, auroc: area under the precision-recall curve and under the ROC, at all scores.
        box_iou_before, box_iou_after: mean IoU of positives and parts with their faces, as cut and as regressed.
    """

    positive: int
    part: int
    negative: int
    accuracy: float
    precision: float
    recall: float
    ap: float
    auroc: float
    box_iou_before: float
    box_iou_after: float

    @classmethod
    def of(cls, predictions: Predictions) -> PatchScores:
        """Measure them."""
        scores, is_face = predictions.judged()
        located = predictions.located()
        counts = torch.bincount(predictions.labels, minlength=len(Label)).tolist()
        measured = ["accuracy"] if len(scores) else []  # the others need both classes
        if counts[Label.POSITIVE] and counts[Label.NEGATIVE]:
            measured = list(_METRICS)
        # Scores and targets are valid by construction: checking millions of them takes longer than the metric.
        values = {name: float(_METRICS[name](scores, is_face, validate_args=False)) for name in measured}
        return cls(
            positive=counts[Label.POSITIVE],
            part=counts[Label.PART],
            negative=counts[Label.NEGATIVE],
            box_iou_before=float(located.iou_before.mean()),
            box_iou_after=float(located.iou_after.mean()),
            **dict.fromkeys(_METRICS, math.nan) | values,
        )


def scores_by_origin(predictions: Predictions) -> Mapping[str, PatchScores]:
    """The figures of the patches of each origin present, by its name."""
    parts = {kind.name.lower(): predictions.where(predictions.origin == kind) for kind in Origin}
    return {name: PatchScores.of(part) for name, part in parts.items() if len(part.place)}


def box_iou_by_label(predictions: Predictions) -> Mapping[str, tuple[Tensor, Tensor]]:
    """IoU before and after regression of the positives and of the parts, (N,) each, by name."""
    parts = {kind.name.lower(): predictions.where(predictions.labels == kind) for kind in (Label.POSITIVE, Label.PART)}
    return {name: (part.iou_before, part.iou_after) for name, part in parts.items() if len(part.place)}


def figures(predictions: Predictions) -> dict[str, Any]:
    """Plain numbers for JSON."""
    whole = asdict(PatchScores.of(predictions))
    counts = {name: whole.pop(name) for name in ("positive", "part", "negative")}
    boxes = {
        name: {"box_iou_before": float(before.mean()), "box_iou_after": float(after.mean())}
        for name, (before, after) in box_iou_by_label(predictions).items()
    }
    origins = {name: asdict(part) for name, part in scores_by_origin(predictions).items()}
    return {**whole, "counts": counts, "by_label": boxes, "by_origin": origins}
