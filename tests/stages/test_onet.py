from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import SGD
from torch.utils.data import DataLoader

from mtcnn_lit.stages import ONetStage
from tests.stages.overfit import assert_learns_one_batch, one_batch


class Draws(Callback):
    """Takes numbers from torch's generator, as mining, loaders and callbacks do: in the middle of an epoch too."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        torch.rand(3)

    def on_train_batch_end(self, *_: object) -> None:
        torch.rand(1)


def trained(epochs: int, callback: Callback | None = None, resume: Path | None = None) -> Trainer:
    """Two batches an epoch, from the same seed each time."""
    quiet = {"logger": False, "enable_checkpointing": False, "enable_model_summary": False}
    trainer = Trainer(
        accelerator="cpu", max_epochs=epochs, enable_progress_bar=False, callbacks=callback and [callback], **quiet
    )
    torch.manual_seed(0)
    stage, batches = ONetStage(partial(SGD, lr=0.1)), DataLoader([one_batch(48)] * 2, batch_size=None)
    trainer.fit(stage, batches, ckpt_path=resume, weights_only=True)
    return trainer


def weights(trainer: Trainer) -> Tensor:
    return torch.cat([weight.flatten() for weight in trainer.lightning_module.parameters()])


def test_it_learns_one_batch_by_heart(tmp_path: Path) -> None:
    assert_learns_one_batch(ONetStage, tmp_path, steps=60, lr=0.003)


def test_what_else_draws_random_numbers_does_not_change_the_dropout() -> None:
    assert torch.equal(weights(trained(1, callback=Draws())), weights(trained(1)))


def test_resumed_it_ends_as_an_uninterrupted_run(tmp_path: Path) -> None:
    trained(1).save_checkpoint(tmp_path / "first.ckpt")
    assert torch.equal(weights(trained(2, resume=tmp_path / "first.ckpt")), weights(trained(2)))


def test_each_batch_epoch_device_and_seed_has_a_dropout_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(seed: int, rank: int, epoch: int, batch: int) -> float:
        torch.manual_seed(seed)
        stage = ONetStage(partial(SGD, lr=0.1))
        monkeypatch.setattr(ONetStage, "global_rank", rank)
        monkeypatch.setattr(ONetStage, "current_epoch", epoch)
        stage.on_fit_start()
        stage.on_train_batch_start(one_batch(48), batch)
        return float(torch.rand(1))

    places = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1)]
    assert len({drawn(*place) for place in places}) == 5
    assert drawn(0, 0, 0, 1) == drawn(0, 0, 0, 1)
