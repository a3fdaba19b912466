"""What the training of the three networks has in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torchmetrics import MeanMetric, MetricCollection
from torchmetrics.classification import BinaryAccuracy, BinaryPrecision, BinaryRecall
from typing_extensions import override

from mtcnn_lit.boxes import offset_iou
from mtcnn_lit.data.patches import Label, PatchBatch
from mtcnn_lit.losses import box_loss, hard_example_loss
from mtcnn_lit.nets import NETS, Net, normalize

# Target of the patches that don't count as right or wrong; masking them out would leave no target in a batch of parts.
_NOT_JUDGED = -1


class Stage(LightningModule):
    """Trains one network on patches: face or not, and the offsets to the face (paper, section 2.2).

    Args:
        optimizer: makes an optimiser of the parameters.
        scheduler: makes a schedule of the optimiser, or None. One that takes ``total_steps`` is given them and steps
            with each batch; any other steps with each epoch.
        box_loss_weight: of the box loss beside the classification loss.
        hard_examples: share of the patches, hardest first, in the classification loss.
    """

    name: ClassVar[str]
    net: Net

    def __init__(
        self,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[..., LRScheduler] | None = None,
        *,
        box_loss_weight: float = 1.0,
        hard_examples: float = 0.7,
    ) -> None:
        super().__init__()
        # Plain scalars only, so that a checkpoint loads with weights_only=True; `.hydra/config.yaml` records the rest.
        self.save_hyperparameters({"net": self.name}, logger=False)
        self.net = NETS[self.name]().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.box_loss_weight, self.hard_examples = box_loss_weight, hard_examples
        options: dict[str, Any] = {"validate_args": False, "ignore_index": _NOT_JUDGED}
        judgement = MetricCollection(
            {
                "accuracy": BinaryAccuracy(**options),
                "precision": BinaryPrecision(**options),
                "recall": BinaryRecall(**options),
            }
        )
        self.train_judgement, self.val_judgement = judgement.clone("train/"), judgement.clone("val/")
        self.train_box_iou, self.val_box_iou = MeanMetric(), MeanMetric()

    @override
    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Patches (N, S, S, 3) uint8 RGB -> face logits (N,) and box offsets (N, 4)."""
        logits, offsets = self.net(normalize(pixels))
        return logits.flatten(), offsets.flatten(1)

    @override
    def training_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        return self._step(batch, "train", self.train_judgement, self.train_box_iou)[0]

    @override
    def validation_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        """Returns the scores (N,), for callbacks that look at them."""
        return self._step(batch, "val", self.val_judgement, self.val_box_iou)[1]

    def _step(
        self, batch: PatchBatch, split: str, judgement: MetricCollection, box_iou: MeanMetric
    ) -> tuple[Tensor, Tensor]:
        """Loss (scalar) and scores (N,) of a batch; logs both losses and the metrics."""
        logits, offsets = (output.float() for output in self(batch.pixels))
        is_face = batch.labels == Label.POSITIVE
        judged = batch.labels != Label.PART
        located = batch.labels != Label.NEGATIVE
        classification = hard_example_loss(logits, is_face, judged, self.hard_examples)
        regression = box_loss(offsets, batch.offsets, located)
        loss = classification + self.box_loss_weight * regression
        scores = logits.detach().sigmoid()
        judgement.update(scores, torch.where(judged, is_face.long(), _NOT_JUDGED))
        box_iou.update(offset_iou(offsets.detach()[located], batch.offsets[located]))
        losses = {"loss": loss, "classification_loss": classification, "box_loss": regression}
        options: dict[str, Any] = {"on_step": False, "on_epoch": True, "batch_size": len(logits)}
        self.log_dict({f"{split}/{name}": value for name, value in losses.items()}, sync_dist=split == "val", **options)
        self.log_dict(judgement, **options)
        self.log(f"{split}/box_iou", box_iou, **options)
        return loss, scores

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self.make_optimizer(self.parameters())
        if self.make_scheduler is None:
            return optimizer
        if "total_steps" in inspect.signature(self.make_scheduler).parameters:
            steps = int(self.trainer.estimated_stepping_batches)
            schedule, interval = self.make_scheduler(optimizer, total_steps=steps), "step"
        else:
            schedule, interval = self.make_scheduler(optimizer), "epoch"
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": interval}}
