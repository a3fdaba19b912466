"""What every input is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from mtcnn_lit.named_image import NamedImage, UnreadImage


class Input(Protocol):
    """Yields pictures in order. Inputs that know their number of pictures have ``len()`` too."""

    @property
    def files(self) -> Sequence[Path]:
        """The files that it reads, which outputs must not overwrite; none for a camera."""

    def __iter__(self) -> Iterator[NamedImage | UnreadImage]: ...
