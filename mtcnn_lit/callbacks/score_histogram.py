"""ScoreHistogram: histograms of the scores of positives, parts and negatives, in TensorBoard."""

from __future__ import annotations

from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from typing_extensions import override

from mtcnn_lit.callbacks.tensorboard import tensorboard_loggers
from mtcnn_lit.data.patches import Label, PatchBatch


class ScoreHistogram(Callback):
    """Logs a histogram of the scores of validation patches for each label."""

    def __init__(self) -> None:
        self._scores: list[Tensor] = []
        self._labels: list[Tensor] = []

    @override
    def on_validation_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: PatchBatch, *_: Any
    ) -> None:
        self._scores.append(outputs.cpu())
        self._labels.append(batch.labels.cpu())

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        scores, labels = torch.cat(self._scores), torch.cat(self._labels)
        self._scores.clear()
        self._labels.clear()
        if trainer.sanity_checking:
            return
        for logger in tensorboard_loggers(trainer):
            for label in (Label.POSITIVE, Label.PART, Label.NEGATIVE):
                chosen = scores[(labels == label) & scores.isfinite()]  # a histogram fails on NaN
                if len(chosen):
                    logger.experiment.add_histogram(f"scores/{label.name.lower()}", chosen, trainer.global_step)
