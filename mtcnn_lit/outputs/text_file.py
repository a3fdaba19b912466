"""The files of `json` and `csv`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TextIO

from mtcnn_lit.images import ImageError

STANDARD_OUTPUT = "-"


class TextFile:
    """A new file of UTF-8 text, its folder made where need be, or standard output (``-``).

    Raises:
        ImageError: when it can't be written; so does `write`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = _open(path)
        except OSError as error:
            raise ImageError(f"can't write {path}: {error.strerror}; set output.path to a file") from error

    def write(self, text: str) -> None:
        """Add text; it is in the file when this returns."""
        try:
            self._file.write(text)
            self._file.flush()
        except OSError as error:
            raise ImageError(f"can't write {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Finish the file."""
        if self._path != STANDARD_OUTPUT:
            self._file.close()


def _open(path: str) -> TextIO:
    if path == STANDARD_OUTPUT:
        return sys.stdout
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    # What a file name holds that is no UTF-8 becomes an escape, which JSON readers turn back.
    return place.open("w", encoding="utf-8", errors="backslashreplace", newline="")
