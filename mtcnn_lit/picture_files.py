"""Find the picture files below a folder, without those that detection wrote."""

from __future__ import annotations

import logging
import os
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

from mtcnn_lit.images import EXTENSIONS
from mtcnn_lit.named_image import is_made

log = logging.getLogger(__name__)


def list_images(folder: str | Path) -> list[Path]:
    """The picture files below a folder at any depth, sorted by path, without those that detection made."""
    return without_made(every_image(folder))


def every_image(folder: str | Path) -> list[Path]:
    """The picture files below a folder at any depth, sorted by path, whatever made them.

    Links are followed, each folder is visited once. A folder that can't be listed is itself in the result, so that
    reading it raises an error that names it.
    """
    unlisted: list[Path] = []
    paths = (Path(place, name) for place, files in _walk(os.fspath(folder), unlisted) for name in files)
    pictures = [path for path in paths if path.suffix.lower() in EXTENSIONS and _is_file(path)]
    return sorted(pictures + unlisted)


def without_made(paths: Iterable[Path]) -> list[Path]:
    """The paths without pictures that earlier detections wrote, which are no input."""
    paths = list(paths)
    files = [path for path in paths if not is_made(path)]
    if len(files) < len(paths):
        log.info("skipped %d pictures written by detection (….faces.png, ….face-N.png)", len(paths) - len(files))
    return files


def _walk(folder: str, unlisted: list[Path]) -> Iterator[tuple[str, list[str]]]:
    """Each folder with the names of its files; folders that can't be listed go to `unlisted`."""

    def keep(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            unlisted.append(Path(error.filename))

    seen: set[str] = set()
    waiting = deque([folder])
    while waiting:  # links last: paths without them are preferred
        for place, folders, files in os.walk(waiting.popleft(), onerror=keep):
            if (real := os.path.realpath(place)) in seen:
                folders.clear()
                continue
            seen.add(real)
            paths = [os.path.join(place, name) for name in sorted(folders)]  # noqa: PTH118
            waiting += [path for path in paths if os.path.islink(path)]  # noqa: PTH114 - pathlib's raises errors
            yield place, files


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except PermissionError:  # in a folder that can be listed but not entered: reading it raises the error
        return True
