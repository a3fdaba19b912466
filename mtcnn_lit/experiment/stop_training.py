"""Training is stopped by SIGTERM as every command is."""

from __future__ import annotations

from typing import Any

from lightning import Callback

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
