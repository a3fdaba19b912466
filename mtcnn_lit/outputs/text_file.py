"""The files of `json` and `csv`."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from mtcnn_lit.images import ImageError


def open_text(path: str) -> TextIO:
    """A new file to write UTF-8 text to, its folder made where need be.

    Raises:
        ImageError: when it can't be written.
    """
    place = Path(path).expanduser()
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise ImageError(f"can't write {place}: {error.strerror}; set output.path to a file") from error
