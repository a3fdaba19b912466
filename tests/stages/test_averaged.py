"""`callbacks=averaged`: what validation sees, and what is kept, is the running mean of the weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from lightning import Callback, LightningModule, Trainer
from torch import Tensor
from torch.optim import SGD
from torch.utils.data import DataLoader

from mtcnn_lit.callbacks.running_mean import RunningMean
from mtcnn_lit.experiment import schema
from mtcnn_lit.stages import PNetStage
from tests.stages.overfit import one_batch

CONFIGS = Path(__file__).parents[2] / "configs"


class Watcher(Callback):
    """Keeps one weight as it was after each step, and as validation met it."""

    def __init__(self) -> None:
        self.steps: list[Tensor] = []
        self.validated: list[Tensor] = []

    def on_train_batch_end(self, trainer: Trainer, pl_module: LightningModule, *_: object) -> None:
        self.steps.append(pl_module.net.face.bias.detach().clone())  # type: ignore[union-attr, operator]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.validated.append(pl_module.net.face.bias.detach().clone())  # type: ignore[union-attr, operator]


def test_the_mean_lies_where_the_network_is() -> None:
    """Lightning makes it before the network gets to its device."""
    mean, stage = RunningMean(), PNetStage(partial(SGD, lr=0.1))
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    mean.setup(trainer, stage, "fit")
    stage.to("meta")
    mean.on_fit_start(trainer, stage)
    assert mean._average_model is not None
    assert {value.device.type for value in mean._average_model.state_dict().values()} == {"meta"}


def test_validation_and_checkpoint_have_the_mean_and_training_goes_on_without(tmp_path: Path) -> None:
    schema.register()
    with initialize_config_dir(str(CONFIGS), version_base=None):
        callbacks = compose("train", ["callbacks=averaged", "callbacks.weight_averaging.decay=0.2"]).callbacks
    assert list(callbacks)[-1] == "weight_averaging"  # behind all that look at the network
    watcher = Watcher()
    quiet: dict[str, Any] = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_model_summary": False,
        "enable_progress_bar": False,
        "num_sanity_val_steps": 0,
    }
    plain = Watcher()
    batches = DataLoader([one_batch(12)] * 2, batch_size=None)
    for watchers in ([plain], [watcher, instantiate(callbacks.weight_averaging)]):
        trainer = Trainer(accelerator="cpu", max_epochs=2, callbacks=watchers, **quiet)
        torch.manual_seed(0)
        trainer.fit(PNetStage(partial(SGD, lr=0.1)), batches, batches)
    torch.testing.assert_close(watcher.steps, plain.steps)
    trainer.save_checkpoint(tmp_path / "end.ckpt")
    first, second, third, fourth = watcher.steps  # the mean starts with the first step's weights
    mean = 2 / 11 * first + 9 / 11 * second  # (1 + n) / (10 + n) of the mean of n stays, until that is the decay
    assert watcher.validated[0] == pytest.approx(mean)
    assert watcher.validated[1] == pytest.approx(0.2 * (0.2 * mean + 0.8 * third) + 0.8 * fourth)
    kept = torch.load(tmp_path / "end.ckpt", weights_only=True)["state_dict"]["net.face.bias"]
    assert kept == pytest.approx(watcher.validated[1])
