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
    """A UTF-8 text file, whose folder is created if needed, or standard output (``-``).

    An earlier run's content is replaced at the first write, so a run that fails before loses nothing.

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
        """Whether it still holds an earlier run's content."""
        return self._size_before > 0

    def write(self, text: str) -> None:
        """Append text and flush."""
        try:
            if self.is_old:
                self._file.truncate(0)
                self._size_before = 0
            # Bytes of file names that are not UTF-8 become escapes, which JSON readers decode.
            self._file.write(text.encode(errors="backslashreplace"))
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Finish the file."""
        if self._path == STANDARD_OUTPUT:
            return
        try:
            self._file.close()  # retries a failed write
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
    """Size of a regular file, bytes; 0 for a pipe or a device, which can't be truncated."""
    about = os.fstat(file.fileno())
    return about.st_size if stat.S_ISREG(about.st_mode) else 0
