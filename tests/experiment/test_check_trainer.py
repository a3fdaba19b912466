"""Training that would come to nothing is refused before it begins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from lightning import Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.check_trainer import check_trainer


def trainer(folder: Path, *, monitor: str | None = "val/ap", **options: Any) -> Trainer:
    settings = {"max_epochs": 12, "accelerator": "cpu", "logger": False, **options}
    return Trainer(callbacks=[ModelCheckpoint(folder, monitor=monitor)], **settings)


@pytest.mark.parametrize("every", [1, 3, 12, None])
def test_a_last_epoch_that_is_validated_passes(every: int | None, tmp_path: Path) -> None:
    interval = {"val_check_interval": 100} if every is None else {}
    check_trainer(trainer(tmp_path, check_val_every_n_epoch=every, **interval), "pnet")


@pytest.mark.parametrize("every", [5, 24])
def test_a_last_epoch_that_is_not_validated(every: int, tmp_path: Path) -> None:
    message = (
        rf"^trainer\.check_val_every_n_epoch: the last of 12 epochs would not be validated, every {every}, "
        r"and so never be the best; set it to one of 1, 2, 3, 4, 6, 12$"
    )
    with pytest.raises(ConfigError, match=message):
        check_trainer(trainer(tmp_path, check_val_every_n_epoch=every), "pnet")


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"fast_dev_run": True}, r"trainer\.fast_dev_run"),
        ({"monitor": None}, r"callbacks\.checkpoint"),
        ({"limit_val_batches": 0}, r"trainer\.limit_val_batches"),
        ({"limit_val_batches": 0.0}, r"trainer\.limit_val_batches"),
        ({"max_epochs": 0}, r"epochs\.rnet"),
        ({"max_epochs": -1}, r"epochs\.rnet"),
        ({"check_val_every_n_epoch": 0}, r"trainer\.check_val_every_n_epoch"),
        ({"accumulate_grad_batches": 0}, r"trainer\.accumulate_grad_batches"),
        ({"precision": "64-true"}, r"trainer\.precision"),
        ({"precision": "bf16-true"}, r"trainer\.precision"),
        ({"overfit_batches": 2}, r"trainer\.overfit_batches"),
        ({"overfit_batches": 0.5}, r"trainer\.overfit_batches"),
    ],
)
def test_what_would_come_to_nothing_is_named(options: dict[str, Any], key: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=rf"^{key}: "):
        check_trainer(trainer(tmp_path, **options), "rnet")


def test_clipping_that_lightning_does_not_do(tmp_path: Path) -> None:
    half = trainer(tmp_path, precision="bf16-mixed", gradient_clip_val=1)
    with pytest.raises(ConfigError, match=r"^trainer\.gradient_clip_val: .*net\.optimizer\.fused=false"):
        check_trainer(half, "rnet", fused=True)
    check_trainer(half, "rnet")
    check_trainer(trainer(tmp_path, precision="bf16-mixed"), "rnet", fused=True)
    check_trainer(trainer(tmp_path, gradient_clip_val=1), "rnet", fused=True)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_a_precision_that_trains_passes(precision: Any, tmp_path: Path) -> None:
    check_trainer(trainer(tmp_path, precision=precision), "rnet")


def test_an_end_by_steps_is_an_end(tmp_path: Path) -> None:
    check_trainer(trainer(tmp_path, max_epochs=-1, max_steps=7), "rnet")


def watching(folder: Path, metric: str, mode: str, stops_by: tuple[str, str]) -> Trainer:
    """A trainer that keeps the best by a metric, and stops by one."""
    callbacks = [EarlyStopping(stops_by[0], mode=stops_by[1]), ModelCheckpoint(folder, monitor=metric, mode=mode)]
    return Trainer(max_epochs=12, accelerator="cpu", logger=False, callbacks=callbacks)


@pytest.mark.parametrize(
    ("metric", "mode", "stops_by", "message"),
    [
        ("val/loss", "max", ("val/loss", "max"), "monitor.mode: val/loss is better when lower; set it to min"),
        (
            "val/ap",
            "max",
            ("val/box_loss", "max"),
            "callbacks.early_stopping.mode: val/box_loss is better when lower; set it to min",
        ),
    ],
)
def test_a_loss_is_not_best_where_it_is_highest(
    metric: str, mode: str, stops_by: tuple[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as error:
        check_trainer(watching(tmp_path, metric, mode, stops_by), "pnet")
    assert str(error.value) == message


def test_a_loss_is_best_where_it_is_lowest(tmp_path: Path) -> None:
    check_trainer(watching(tmp_path, "val/loss", "min", ("val/loss", "min")), "pnet")
    check_trainer(watching(tmp_path, "val/ap", "max", ("val/loss", "min")), "pnet")
