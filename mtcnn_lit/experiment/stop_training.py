"""Stop training on SIGTERM like every command, in all its processes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning import Callback, Trainer

from mtcnn_lit.experiment.stop import stop_if_terminated, stop_on_sigterm


class StopOnSigterm(Callback):
    """Restores our SIGTERM handler, which Lightning replaces just before these hooks.

    Lightning's handler waits for the other processes, which may wait for this one: a deadlock. On a KeyboardInterrupt
    it ends the processes that it started without waiting.
    """

    def on_sanity_check_start(self, *_: Any) -> None:
        """Before a validation that precedes training."""
        stop_on_sigterm()

    def on_train_start(self, *_: Any) -> None:
        """Before the first epoch."""
        stop_on_sigterm()

    def on_train_batch_end(self, *_: Any) -> None:
        """PyTorch's file writer swallows exceptions raised while it writes a checkpoint."""
        stop_if_terminated()


@contextmanager
def kill_workers_on_error(trainer: Trainer) -> Iterator[None]:
    """Kill the processes of the other devices when this one fails.

    With NCCL they would wait for it for half an hour, holding their GPUs.
    """
    try:
        yield
    except BaseException:
        if trainer.strategy.launcher is not None:
            trainer.strategy.launcher.kill(getattr(signal, "SIGKILL", signal.SIGTERM))  # Windows has no SIGKILL
        raise
