"""A folder of its own for each run."""

from __future__ import annotations

import functools
import itertools
import sys
from pathlib import Path

_PRINTING = ("--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help")


@functools.cache  # Hydra asks again and again in one process; each time this is the same run
def new_folder(path: str) -> str:
    """Make a folder that was not there, and return its path: the one given, or with ``-2``, ``-3``, … where that is.

    Runs that start in the same second would have one folder. Where none can be made, the path is returned as it is:
    who writes there says what is wrong. No run, and so no folder, is where a command's configuration is printed.
    """
    if any(word.partition("=")[0] in _PRINTING for word in sys.argv[1:]):
        return path
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return next(name for name in _names(path) if _is_made(Path(name)))
    except OSError:
        return path


def _names(path: str) -> itertools.chain[str]:
    return itertools.chain([path], (f"{path}-{number}" for number in itertools.count(2)))


def _is_made(folder: Path) -> bool:
    """Whether the folder was made here; of several processes, one makes it."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True
