from __future__ import annotations

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning import Trainer
from torch.optim import SGD
from torch.optim.lr_scheduler import OneCycleLR, StepLR
from torch.utils.data import DataLoader

from mtcnn_lit.data.patches import Label, PatchBatch
from mtcnn_lit.errors import Diverged, UserError
from mtcnn_lit.stages import PNetStage
from mtcnn_lit.stages.base import Stage
from tests.stages.overfit import one_batch


class Blind(PNetStage):
    """Sees nothing: its logits are 0 for every patch, its offsets too."""

    def forward(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        nothing = self.net.face.bias.sum() * 0
        return nothing.expand(len(pixels)), nothing.expand(len(pixels), 4)


def trainer(epochs: int = 1) -> Trainer:
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    return Trainer(accelerator="cpu", max_epochs=epochs, enable_progress_bar=False, **quiet)


def batches(count: int, batch: PatchBatch | None = None) -> DataLoader[Any]:
    return DataLoader([batch or one_batch(12)] * count, batch_size=None)


def validated(stage: Stage, batch: PatchBatch) -> dict[str, float]:
    (metrics,) = trainer().validate(stage, batches(1, batch), verbose=False)
    return dict(metrics)


def test_losses_and_metrics_by_hand() -> None:
    """A score of a half counts as no face; offsets of 0 are off by as much as the targets."""
    labels = torch.tensor([Label.POSITIVE, Label.NEGATIVE, Label.NEGATIVE, Label.NEGATIVE, Label.PART])
    offsets = torch.tensor([[0, 0, 0, 0], *[[9.0, 9, 9, 9]] * 3, [0.5, 0, 0.5, 0]])  # those of negatives don't count
    batch = PatchBatch(torch.zeros(5, 12, 12, 3, dtype=torch.uint8), labels, offsets)
    metrics = validated(Blind(partial(SGD, lr=0.1), box_loss_weight=2), batch)
    assert metrics["val/classification_loss"] == pytest.approx(math.log(2))
    assert metrics["val/box_loss"] == pytest.approx((0.45 + 0.45) / 2)
    assert metrics["val/loss"] == pytest.approx(math.log(2) + 2 * 0.45)
    assert metrics["val/box_iou"] == pytest.approx((1 + 1 / 3) / 2)
    assert (metrics["val/accuracy"], metrics["val/recall"]) == (0.75, 0)


def test_metrics_of_an_epoch_are_over_all_its_patches() -> None:
    """Not means over batches: here of four right ones of four and none of one."""
    stage = Blind(partial(SGD, lr=0.1))
    right, wrong = (
        PatchBatch(torch.zeros(n, 12, 12, 3, dtype=torch.uint8), torch.full((n,), kind), torch.zeros(n, 4))
        for n, kind in ((4, int(Label.NEGATIVE)), (1, int(Label.POSITIVE)))
    )
    (metrics,) = trainer().validate(stage, DataLoader([right, wrong], batch_size=None), verbose=False)
    assert metrics["val/accuracy"] == pytest.approx(4 / 5)
    assert metrics["val/box_iou"] == 1


def test_metrics_of_many_batches_weigh_each_patch_alike() -> None:
    """More batches than are counted at once, the losses of small ones as large as those of large ones.

    The classification loss is over nine negatives and a positive, the box loss over a positive and two parts.
    """
    stage = Blind(partial(SGD, lr=0.1))
    pixels, targets = torch.zeros(9, 12, 12, 3, dtype=torch.uint8), torch.zeros(9, 4)
    targets[:, [0, 2]] = 0.5  # half a side apart
    many = [
        PatchBatch(pixels[:n], torch.full((n,), int(kind)), targets[:n] if kind is Label.PART else torch.zeros(n, 4))
        for n, kind in [(9, Label.NEGATIVE), (1, Label.POSITIVE), (2, Label.PART)] * 15
    ]
    (metrics,) = trainer().validate(stage, DataLoader(many, batch_size=None), verbose=False)
    assert metrics["val/accuracy"] == pytest.approx(9 / 10)
    assert metrics["val/classification_loss"] == pytest.approx(math.log(2))
    assert metrics["val/box_loss"] == pytest.approx((0.45 + 0.45) * 2 / 3)
    assert metrics["val/box_iou"] == pytest.approx((1 + 2 / 3) / 3)


@pytest.mark.parametrize("kind", [Label.NEGATIVE, Label.POSITIVE, Label.PART])
def test_a_batch_of_one_kind_trains(kind: Label) -> None:
    """The last validation batch may well hold a few parts and nothing else."""
    batch = one_batch(12)
    chosen = batch.labels == kind
    stage, runner = PNetStage(partial(SGD, lr=0.1)), trainer()
    runner.fit(stage, batches(2, PatchBatch(*(column[chosen] for column in batch))))
    assert math.isfinite(runner.callback_metrics["train/loss"])


def test_validation_returns_the_scores() -> None:
    stage = Blind(partial(SGD, lr=0.1))
    stage.log = stage.log_dict = lambda *_, **__: None  # type: ignore[method-assign, assignment]
    assert stage.validation_step(one_batch(12), 0).tolist() == [0.5] * 24


def test_without_a_schedule_the_optimiser_stands_alone() -> None:
    optimizer = PNetStage(partial(SGD, lr=0.25)).configure_optimizers()
    assert isinstance(optimizer, SGD)
    assert [group["lr"] for group in optimizer.param_groups] == [0.25]


def test_a_schedule_of_total_steps_gets_them_and_steps_with_each_batch() -> None:
    runner, stage = trainer(epochs=3), PNetStage(partial(SGD, lr=0.1), partial(OneCycleLR, max_lr=0.1))
    runner.fit(stage, batches(4))
    (config,) = runner.lr_scheduler_configs
    assert (config.interval, config.scheduler.total_steps, config.scheduler.last_epoch) == ("step", 12, 12)


def test_a_training_too_short_for_its_schedule() -> None:
    stage = Blind(partial(SGD, lr=0.1), partial(OneCycleLR, max_lr=0.1, pct_start=0.1))
    with pytest.raises(UserError, match=r"^net\.scheduler: no schedule of 10 steps; change epochs or data\.batch_size"):
        trainer().fit(stage, batches(10))


def test_any_other_schedule_steps_with_each_epoch() -> None:
    runner, stage = trainer(epochs=3), Blind(partial(SGD, lr=0.8), partial(StepLR, step_size=1, gamma=0.5))
    runner.fit(stage, batches(4))
    (config,) = runner.lr_scheduler_configs
    assert config.interval == "epoch"
    assert config.scheduler.get_last_lr() == pytest.approx([0.1])


def test_a_checkpoint_goes_on_only_in_a_training_of_its_own_length(tmp_path: Path) -> None:
    """The schedule of the old one would end in the middle."""
    schedule, path = partial(OneCycleLR, max_lr=0.1), tmp_path / "some.ckpt"
    first = trainer(epochs=2)
    first.fit(PNetStage(partial(SGD, lr=0.1), schedule), batches(4))
    first.save_checkpoint(path)
    for count, steps in ((4, 12), (2, 6)):
        message = rf"^ckpt_path: {path} was to be trained for 8 steps, this run has {steps}: .* init_from={path}$"
        again = PNetStage(partial(SGD, lr=0.1), schedule)
        with pytest.raises(UserError, match=message):
            trainer(epochs=3).fit(again, batches(count), ckpt_path=path, weights_only=True)


def in_batches(labels: list[Label], offsets: torch.Tensor, sizes: list[int]) -> DataLoader[Any]:
    whole = PatchBatch(torch.zeros(len(labels), 12, 12, 3, dtype=torch.uint8), torch.tensor(labels), offsets)
    parts = zip(*(column.split(sizes) for column in whole), strict=True)
    return DataLoader([PatchBatch(*part) for part in parts], batch_size=None)


@pytest.mark.parametrize("sizes", [[6], [2, 4], [1, 1, 1, 1, 1, 1], [3, 3]])
def test_losses_of_an_epoch_do_not_depend_on_its_batches(sizes: list[int]) -> None:
    """Batches without a face to regress to, or with parts alone, have no part in the mean."""
    labels = [Label.NEGATIVE, Label.NEGATIVE, Label.PART, Label.PART, Label.POSITIVE, Label.NEGATIVE]
    offsets = torch.tensor([0, 0, 0.5, 0.5, 0.25, 0])[:, None] * torch.tensor([1, 0, 0, 0])
    stage = Blind(partial(SGD, lr=0.1), box_loss_weight=2)
    (metrics,) = trainer().validate(stage, in_batches(labels, offsets, sizes), verbose=False)
    assert metrics["val/box_loss"] == pytest.approx((0.45 + 0.45 + 0.2) / 3)
    assert metrics["val/classification_loss"] == pytest.approx(math.log(2))
    assert metrics["val/loss"] == pytest.approx(math.log(2) + 2 * 1.1 / 3)


@pytest.mark.parametrize("kind", [Label.PART, Label.NEGATIVE])
def test_a_loss_over_no_patch_is_nothing(kind: Label) -> None:
    stage = Blind(partial(SGD, lr=0.1))
    (metrics,) = trainer().validate(stage, in_batches([kind], torch.zeros(1, 4), [1]), verbose=False)
    assert metrics["val/box_loss"] == 0
    assert metrics["val/loss"] == pytest.approx(0 if kind is Label.PART else math.log(2))


def test_a_loss_that_is_no_number_stays_none() -> None:
    stage = Blind(partial(SGD, lr=0.1), box_loss=lambda offsets, *_: offsets.sum() * math.nan)
    metrics = validated(stage, one_batch(12))
    assert math.isnan(metrics["val/box_loss"])
    assert math.isnan(metrics["val/loss"])


def test_a_patch_without_a_label_counts_for_nothing() -> None:
    """Neither as a negative nor for the box."""
    batch = one_batch(12)
    labels = batch.labels.clone()
    stage = Blind(partial(SGD, lr=0.1))
    labels[labels == Label.PART] = Label.NONE
    metrics = validated(stage, batch._replace(labels=labels))
    assert metrics["val/accuracy"] == 0.5
    assert metrics["val/box_loss"] == pytest.approx(4 * 0.05)


def test_the_box_loss_has_its_weight_in_training() -> None:
    loss = Blind(partial(SGD, lr=0.1), box_loss_weight=2).training_step(one_batch(12), 0)
    plain = Blind(partial(SGD, lr=0.1), box_loss_weight=0).training_step(one_batch(12), 0)
    once = Blind(partial(SGD, lr=0.1), box_loss_weight=1).training_step(one_batch(12), 0)
    assert (loss - plain).item() == pytest.approx(2 * (once - plain).item())
    assert once > plain


def test_a_network_is_trained_in_the_memory_layout_that_runs_fastest() -> None:
    first = PNetStage(partial(SGD, lr=0.1)).net.features[0]
    assert isinstance(first, torch.nn.Conv2d)
    assert first.weight.is_contiguous(memory_format=torch.channels_last)


def test_a_loss_that_is_no_number_ends_the_training() -> None:
    stage = PNetStage(partial(SGD, lr=1e30))
    with pytest.raises(Diverged, match=r"^train/loss is NaN or infinite: lower net\.optimizer\.lr$"):
        trainer().fit(stage, batches(8))
