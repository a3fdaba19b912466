"""The figures logged of an epoch: losses and metrics over all its patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryPrecision, BinaryRecall
from typing_extensions import override

from mtcnn_lit.boxes import offset_iou
from mtcnn_lit.data.masks import masks_of
from mtcnn_lit.data.patches import PatchBatch

# Target of patches that are not judged; masking them out would leave a batch of parts without targets.
_NOT_JUDGED = -1

# Their masks, in order: judged, located.
_LOSSES = ("classification_loss", "box_loss")

# Batches that are counted together.
_AT_ONCE = 16


class _Predictions(NamedTuple):
    """A network's predictions for a batch of N patches.

    Attributes:
        labels: (N,) a `Label` each.
        scores: (N,).
        targets, offsets: (N, 4), true and predicted.
        losses: (len(_LOSSES),) means over the batch's patches in the mask.
    """

    labels: Tensor
    scores: Tensor
    targets: Tensor
    offsets: Tensor
    losses: Tensor


class _MeanLoss(MeanMetric):
    """Mean over all values; 0 if there are none, like the losses."""

    def __init__(self) -> None:
        super().__init__(nan_strategy="disable")  # NaN propagates to the mean

    @override
    def compute(self) -> Tensor:
        return self.mean_value / self.weight.clamp(min=1)


class Figures(nn.Module):
    """Gathers the figures of one split, batch by batch.

    Each loss is a mean over the patches in its mask, independent of batches. For two losses this is approximate, since
    their value is no mean over these: `hard_example_loss` is over the hardest of each batch, and `focal_loss` is
    divided by the faces of each batch.

    Metrics are updated every few batches and logged once an epoch, since P-Net's step is so short that an update each
    time takes a good part of it.

    Args:
        box_loss_weight: of the box loss in the loss, beside the classification loss.
    """

    def __init__(self, box_loss_weight: float) -> None:
        super().__init__()
        self._box_loss_weight = box_loss_weight
        self._waiting: list[_Predictions] = []
        losses: dict[str, nn.Module] = {name: _MeanLoss() for name in _LOSSES}
        self.means = nn.ModuleDict({**losses, "box_iou": MeanMetric(nan_strategy="disable")})
        options: dict[str, Any] = {"validate_args": False, "ignore_index": _NOT_JUDGED}
        self.judgement = MetricCollection(
            {
                "accuracy": BinaryAccuracy(**options),
                "precision": BinaryPrecision(**options),
                "recall": BinaryRecall(**options),
            }
        )

    def update(self, batch: PatchBatch, scores: Tensor, offsets: Tensor, losses: Mapping[str, Tensor]) -> None:
        """Add a batch of N patches.

        Args:
            scores: (N,) of the patches.
            offsets: (N, 4) as predicted.
            losses: the means over the batch's patches in the mask, by name.
        """
        means = torch.stack([losses[name].detach() for name in _LOSSES])
        self._waiting.append(_Predictions(batch.labels, scores, batch.offsets, offsets, means))
        if len(self._waiting) == _AT_ONCE:
            self._count()

    def _count(self) -> None:
        """Add the waiting batches to the metrics."""
        if not self._waiting:
            return
        sizes = torch.tensor([len(predictions.labels) for predictions in self._waiting])
        *columns, means = zip(*self._waiting, strict=True)
        labels, scores, targets, offsets = map(torch.cat, columns)
        self._waiting = []
        is_face, judged, located = masks_of(labels)
        for name, values, mask in zip(_LOSSES, torch.stack(means).unbind(dim=1), (judged, located), strict=True):
            # Repeated for each patch: without its NaN check, MeanMetric ignores weights.
            of_each = values.repeat_interleave(sizes.to(values.device), output_size=len(labels))
            self._mean(name).update(of_each[mask])
        self.judgement.update(scores, torch.where(judged, is_face.long(), _NOT_JUDGED))
        self._mean("box_iou").update(offset_iou(offsets[located], targets[located]))

    def compute(self, split: str) -> dict[str, Tensor]:
        """The epoch's figures, named ``<split>/<figure>``, and reset."""
        self._count()
        figures = {name: self._mean(name).compute() for name in self.means} | self.judgement.compute()
        figures["loss"] = figures["classification_loss"] + self._box_loss_weight * figures["box_loss"]
        self.judgement.reset()
        for name in self.means:
            self._mean(name).reset()
        return {f"{split}/{name}": value for name, value in figures.items()}

    def _mean(self, name: str) -> MeanMetric:
        return cast("MeanMetric", self.means[name])
