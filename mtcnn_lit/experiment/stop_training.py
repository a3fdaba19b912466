"""Training is stopped by SIGTERM as every command is, and then in all its processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning import Callback, Trainer

from mtcnn_lit.experiment.stop import stop_if_terminated, stop_on_sigterm


class StopOnSigterm(Callback):
    """Takes back SIGTERM, for which Lightning registers itself right before these hooks.

    Its handler waits for the other processes, which may be waiting for this one elsewhere, for good. On a
    KeyboardInterrupt Lightning waits for nobody: it ends the processes that it started.
    """

    def on_sanity_check_start(self, *_: Any) -> None:
        """Before the first validation, if there is one before training."""
        stop_on_sigterm()

    def on_train_start(self, *_: Any) -> None:
        """Before the first epoch."""
        stop_on_sigterm()

    def on_train_batch_end(self, *_: Any) -> None:
        """PyTorch's file writer swallows what is raised while it writes a checkpoint."""
        stop_if_terminated()


@contextmanager
def kill_workers_on_error(trainer: Trainer) -> Iterator[None]:
    """When this process ends by an error, so do those that Lightning started for the other devices.

    They would wait for this one: with NCCL for half an hour, holding their GPUs.
    """
    try:
        yield
    except BaseException:
        if trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has no SIGKILL
        raise
