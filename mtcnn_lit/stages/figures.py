"""What is logged of an epoch: losses and metrics over all its patches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryPrecision, BinaryRecall

from mtcnn_lit.boxes import offset_iou
from mtcnn_lit.data.patches import Label, PatchBatch

# Target of the patches that don't count as right or wrong; masking them out would leave no target in a batch of parts.
_NOT_JUDGED = -1

_LOSSES = ("loss", "classification_loss", "box_loss")

# Batches that are counted together.
_AT_ONCE = 16


class _Answers(NamedTuple):
    """What a network said of a batch of N patches.

    Attributes:
        labels: (N,) a `Label` each.
        scores: (N,).
        targets, offsets: (N, 4), true and predicted.
        losses: (len(_LOSSES),) means over the batch.
    """

    labels: Tensor
    scores: Tensor
    targets: Tensor
    offsets: Tensor
    losses: Tensor


class Figures(nn.Module):
    """Gathers the figures of one split, batch by batch.

    They are counted every few batches and logged once an epoch: P-Net's step is so short that doing so each time takes
    a good part of it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._waiting: list[_Answers] = []
        # A loss that is not a number stays one in the mean, so nobody need look for it in each batch.
        self.means = nn.ModuleDict({name: MeanMetric(nan_strategy="disable") for name in (*_LOSSES, "box_iou")})
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
            losses: the means over the batch, by name.
        """
        means = torch.stack([losses[name].detach() for name in _LOSSES])
        self._waiting.append(_Answers(batch.labels, scores, batch.offsets, offsets, means))
        if len(self._waiting) == _AT_ONCE:
            self._count()

    def _count(self) -> None:
        """Add the batches that wait to the metrics."""
        if not self._waiting:
            return
        sizes = torch.tensor([len(answers.labels) for answers in self._waiting])
        *columns, means = zip(*self._waiting, strict=True)
        labels, scores, targets, offsets = map(torch.cat, columns)
        self._waiting = []
        for name, values in zip(_LOSSES, torch.stack(means).unbind(dim=1), strict=True):
            # Once for each patch: a MeanMetric that doesn't look for NaN forgets its weights.
            self._mean(name).update(values.repeat_interleave(sizes.to(values.device), output_size=len(labels)))
        is_face, is_part = labels == Label.POSITIVE, labels == Label.PART
        self.judgement.update(scores, torch.where(is_part, _NOT_JUDGED, is_face.long()))
        located = is_face | is_part
        self._mean("box_iou").update(offset_iou(offsets[located], targets[located]))

    def compute(self, split: str) -> dict[str, Tensor]:
        """The epoch's figures, named ``<split>/<figure>``; the next epoch starts anew."""
        self._count()
        figures = {name: self._mean(name).compute() for name in self.means} | self.judgement.compute()
        self.judgement.reset()
        for name in self.means:
            self._mean(name).reset()
        return {f"{split}/{name}": value for name, value in figures.items()}

    def _mean(self, name: str) -> MeanMetric:
        return cast("MeanMetric", self.means[name])
