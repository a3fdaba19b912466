"""How checkpoints are written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lightning.pytorch.plugins import TorchCheckpointIO


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside the one of this name and swaps them: killed or out of room, that one stays whole.

    Lightning's own writes to the system's temporary folder. Where that lies on another disk, it copies the file from
    there over the old one, which is lost if it doesn't get to the end.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint to a path; its folder is made.

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
