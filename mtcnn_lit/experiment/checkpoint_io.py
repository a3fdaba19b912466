"""Atomic writing of checkpoints."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins import TorchCheckpointIO

from mtcnn_lit.files import write_atomically


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes a temporary file beside the target, then renames it: a kill or a full disk leaves the old one whole.

    Lightning's own goes through the system's temporary folder and fails where there is no room in that.
    """

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | os.PathLike[str], storage_options: Any = None
    ) -> None:
        """Write a checkpoint to a path; its folder is created.

        Raises:
            OSError: when it can't be written.
        """
        path, buffer = Path(path), io.BytesIO()
        torch.save(checkpoint, buffer)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, buffer.getbuffer())
