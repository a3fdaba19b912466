"""The base class of the training of the three networks."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from typing import ClassVar

import torch
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from typing_extensions import override

from mtcnn_lit.data.masks import masks_of
from mtcnn_lit.data.patches import PatchBatch
from mtcnn_lit.errors import Diverged, UserError
from mtcnn_lit.losses import Loss, check_not_negative, hard_example_loss, smooth_l1_loss
from mtcnn_lit.nets import NETS, Net, add_batch_norm, init_as_identity, normalize
from mtcnn_lit.stages.figures import Figures


class Stage(LightningModule):
    """Trains one network on patches: face or not, and the offsets to the face (paper, section 2.2).

    Args:
        optimizer: makes an optimiser of the parameters.
        scheduler: makes a schedule of the optimiser, or None. One that takes ``total_steps`` is given them and steps
            with each batch; any other steps with each epoch. None may wait for a metric, as ReduceLROnPlateau does.
        classification_loss, box_loss: of `mtcnn_lit.losses`.
        box_loss_weight: of the box loss beside the classification loss, 0 or more.
        batch_norm: whether the network has batch normalisation while it is trained; `mtcnn_lit.nets.load_net` folds it
            into the weights.
        start: the network to start from; None for fresh weights.

    Raises:
        UserError: when the weight is below 0, or no number.
    """

    name: ClassVar[str]
    net: Net

    def __init__(
        self,
        optimizer: Callable[..., Optimizer],
        scheduler: Callable[..., LRScheduler] | None = None,
        *,
        classification_loss: Loss = hard_example_loss,
        box_loss: Loss = smooth_l1_loss,
        box_loss_weight: float = 1.0,
        batch_norm: bool = False,
        start: Net | None = None,
    ) -> None:
        super().__init__()
        check_not_negative("net.box_loss_weight", box_loss_weight)
        # Plain scalars only, so that a checkpoint loads with weights_only=True; `.hydra/config.yaml` records the rest.
        self.save_hyperparameters({"net": self.name}, logger=False)
        net = copy.deepcopy(start).train() if start is not None else NETS[self.name]()
        self.net = add_batch_norm(net) if batch_norm else net
        self.net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's own stubs
        self._batch_norm, self._started = batch_norm, start is not None
        self.make_optimizer, self.make_scheduler = optimizer, scheduler
        self.classification_loss, self.box_loss, self.box_loss_weight = classification_loss, box_loss, box_loss_weight
        self.train_figures, self.val_figures = Figures(box_loss_weight), Figures(box_loss_weight)

    @override
    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Patches (N, S, S, 3) uint8 RGB -> face logits (N,) and box offsets (N, 4)."""
        logits, offsets = self.net(normalize(pixels))
        return logits.flatten(), offsets.flatten(1)

    @override
    def on_train_start(self) -> None:
        """Reject a resume with another number of steps: the schedule ends where its checkpoint planned.

        Raises:
            UserError: when the checkpoint's training was shorter or longer than this one.
        """
        planned = self.trainer.estimated_stepping_batches
        for config in self.trainer.lr_scheduler_configs:
            if (total := getattr(config.scheduler, "total_steps", planned)) != planned:
                raise UserError(
                    f"ckpt_path: {self.trainer.ckpt_path} was to be trained for {total} steps, this run has {planned}: "
                    f"leave epochs and batches as they were, or take init_from={self.trainer.ckpt_path}"
                )

    @override
    def on_train_batch_start(self, batch: PatchBatch, batch_idx: int) -> None:
        """Initialise batch normalisation as the identity when training starts from existing weights.

        Raises:
            UserError: when a batch has one patch, which has no variance.
        """
        if not self._batch_norm:
            return
        if len(batch.labels) == 1:
            raise UserError("data.batch_size: one patch has no variance; set it to 2 or more, or net.batch_norm=false")
        if self._started and self.trainer.global_step == batch_idx == 0:
            init_as_identity(self.net, normalize(batch.pixels))
            # With several processes, each has seen its own batch.
            seen = {name: value.cpu() for name, value in self.net.state_dict().items()}
            self.net.load_state_dict(self.trainer.strategy.broadcast(seen))

    @override
    def training_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        return self._step(batch, self.train_figures)[0]

    @override
    def validation_step(self, batch: PatchBatch, batch_idx: int) -> Tensor:
        """Returns the scores (N,), for callbacks."""
        return self._step(batch, self.val_figures)[1]

    @override
    def on_train_epoch_end(self) -> None:
        figures = self.train_figures.compute("train")
        self.log_dict(figures)
        if not figures["train/loss"].isfinite():
            raise Diverged("train/loss is NaN or infinite: lower net.optimizer.lr")

    @override
    def on_validation_epoch_end(self) -> None:
        self.log_dict(self.val_figures.compute("val"))

    def _step(self, batch: PatchBatch, figures: Figures) -> tuple[Tensor, Tensor]:
        """Loss (scalar) and scores (N,) of a batch."""
        logits, offsets = (output.float() for output in self(batch.pixels))
        is_face, judged, located = masks_of(batch.labels)
        classification = self.classification_loss(logits, is_face, judged)
        regression = self.box_loss(offsets, batch.offsets, located)
        loss = classification + self.box_loss_weight * regression
        scores = logits.detach().sigmoid()
        losses = {"classification_loss": classification, "box_loss": regression}
        figures.update(batch, scores, offsets.detach(), losses)
        return loss, scores

    @override
    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer = self.make_optimizer(self.parameters())
        if self.make_scheduler is None:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        schedule, interval = make_schedule(self.make_scheduler, optimizer, steps)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": interval}}


def make_schedule(make: Callable[..., LRScheduler], optimizer: Optimizer, steps: int) -> tuple[LRScheduler, str]:
    """A schedule for a training of this many steps, and what it advances with: each "step" or each "epoch".

    Raises:
        UserError: when it can't be of so many steps, sets their number itself, or waits for a metric.
        TypeError, ValueError: when it refuses its settings.
    """
    if "total_steps" in getattr(make, "keywords", {}):
        raise UserError("net.scheduler.total_steps: is set by the run itself; leave it out, or change epochs")
    if "total_steps" not in inspect.signature(make).parameters:
        schedule = make(optimizer)
        if isinstance(schedule, ReduceLROnPlateau):
            raise UserError("net.scheduler: ReduceLROnPlateau waits for a metric, and none is given; take another one")
        return schedule, "epoch"
    try:
        return make(optimizer, total_steps=steps), "step"
    except ZeroDivisionError:  # OneCycleLR, whose rise would end with the first step
        raise UserError(f"net.scheduler: no schedule of {steps} steps; change epochs or data.batch_size") from None
