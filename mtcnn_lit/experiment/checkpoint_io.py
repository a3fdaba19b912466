"""How checkpoints are written."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins import TorchCheckpointIO


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a checkpoint beside the one of this name and swaps them: killed or out of room, that one stays whole.

    Lightning's own writes to the system's temporary folder. Where that lies on another disk, it copies the file from
    there over the old one, which is lost if it doesn't get to the end.
    """

    def save_checkpoint(
        self, checkpoint: Mapping[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint to a path; its folder is made.

        Raises:
            OSError: when it can't be written.
        """
        buffer = io.BytesIO()  # PyTorch's own writer, in C++, would hide what is wrong with the disk
        torch.save(checkpoint, buffer)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"{path.name}.unfinished")
        try:
            with unfinished.open("wb") as file:
                file.write(buffer.getbuffer())
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise
