"""Atomic writing of checkpoints."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.pytorch.plugins import TorchCheckpointIO


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a temporary file beside the target, then renames it: a kill or a full disk leaves the old one whole.

    Lightning's own writes to the system's temporary folder. If that is on another disk, it then copies over the old
    file, which is lost if the copy fails.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint to a path; its folder is created.

        Raises:
            OSError: when it can't be written.
        """
        path = Path(path)
        unfinished = path.with_name(f"{path.name}.unfinished")
        try:
            super().save_checkpoint(checkpoint, unfinished, storage_options)
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
