"""Access to TensorBoard from callbacks and the training run."""

from __future__ import annotations

from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger


def tensorboard_loggers(trainer: Trainer) -> list[TensorBoardLogger]:
    """The trainer's TensorBoard loggers."""
    return [logger for logger in trainer.loggers if isinstance(logger, TensorBoardLogger)]
