"""What goes wrong in one process of a training alone."""

from __future__ import annotations

import errno
import time

from lightning import Callback, LightningModule, Trainer


class FullDiskInTheFirst(Callback):
    """The first process finds its disk full, and the others wait, as they do for a network's answer."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            raise OSError(errno.ENOSPC, "No space left on device")
        time.sleep(90)
