"""What goes from an input to the outputs: a picture with its name, or why it could not be read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mtcnn_lit.images import Image, ImageError


@dataclass(frozen=True)
class NamedImage:
    """A picture of an input. A frame of a video is one too, with a number and a time: a subclass with more fields.

    Attributes:
        name: what outputs call it; the path relative to the input's.
        image: uint8 RGB (H, W, 3).
    """

    name: str
    image: Image

    def position(self) -> dict[str, int | float]:
        """What files of detections say beside the name: where in a video the picture is. Nothing for a lone picture."""
        return {}


@dataclass(frozen=True)
class UnreadImage:
    """A picture of an input that could not be read."""

    name: str
    error: ImageError


def place_below(folder: str | Path, name: str) -> Path:
    """Where files that are made of a picture go: its name below the folder, whatever the name is.

    Listed pictures may be named by absolute paths, or by way of ``..``: these keep all of their folders.
    """
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        path = Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
        path = path.relative_to(path.anchor)
    return Path(folder).expanduser() / path
