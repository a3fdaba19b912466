"""The files of `json` and `csv`."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from mtcnn_lit.errors import UserError

STANDARD_OUTPUT = "-"


class TextFile:
    """A file of UTF-8 text, its folder made where need be, or standard output (``-``).

    What an earlier run left in it goes when the first text comes: a run that fails before loses nothing.

    Raises:
        UserError: when it can't be written; so do `write` and `close`.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        try:
            self._file = _open(path)
        except OSError as error:
            raise UserError(f"can't write {path}: {error.strerror}; set output.path to a file") from error
        self._size_before = _size(self._file) if path != STANDARD_OUTPUT else 0

    @property
    def is_old(self) -> bool:
        """Whether it holds what an earlier run left."""
        return self._size_before > 0

    def write(self, text: str) -> None:
        """Add text; it is in the file when this returns."""
        try:
            if self.is_old:
                self._file.truncate(0)
                self._size_before = 0
            # What a file name holds that is no UTF-8 becomes an escape, which JSON readers turn back.
            self._file.write(text.encode(errors="backslashreplace"))
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Finish the file."""
        if self._path == STANDARD_OUTPUT:
            return
        try:
            self._file.close()  # it tries again to write what it could not
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> UserError:
        return UserError(f"can't write {self._path}: {error.strerror}")


def _open(path: str) -> BinaryIO:
    if path != STANDARD_OUTPUT:
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        return place.open("ab")
    if sys.stdout is None:  # closed by the shell: `>&-`
        raise UserError("can't write to standard output, which is closed: set output.path to a file")
    sys.stdout.flush()  # what was printed comes first
    return sys.stdout.buffer


def _size(file: BinaryIO) -> int:
    """Of a file on disk; 0 for a pipe or a device, of which nothing can be taken back."""
    about = os.fstat(file.fileno())
    return about.st_size if stat.S_ISREG(about.st_mode) else 0
