"""Picture files as input: one file, a glob pattern, a list, or a folder."""

from __future__ import annotations

import codecs
import glob
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from mtcnn_lit.images import EXTENSIONS, ImageError, read_image
from mtcnn_lit.named_image import NamedImage, UnreadImage
from mtcnn_lit.picture_files import every_image, without_made
from mtcnn_lit.prefetch import prefetch

STANDARD_INPUT = "-"


class FilesInput:
    """Picture files in order, prefetched; all but a few are in memory as paths only.

    Attributes:
        files: what is read.
    """

    def __init__(self, files: Sequence[Path], root: Path | None) -> None:
        """`files` are named relative to `root`, or without one by their path as it is."""
        self.files = files
        self._root = root

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[NamedImage | UnreadImage]:
        return prefetch(self._read, self.files)

    def _read(self, path: Path) -> NamedImage | UnreadImage:
        name = (path.relative_to(self._root) if self._root else path).as_posix()
        try:
            return NamedImage(name, read_image(path))
        except ImageError as error:
            return UnreadImage(name, error)


class ImageInput(FilesInput):
    """A picture file; the pictures that a pattern matches; or those listed on standard input, a path a line.

    Args:
        path: a file; a pattern such as ``DIR/*.jpg``, or ``DIR/**/*.jpg`` for any depth; or ``-`` for the list. Listed
            pictures keep their listed names; others are named relative to their folder, or the pattern's.

    Raises:
        ImageError: when there is no such picture.
    """

    def __init__(self, path: str) -> None:
        place = Path(path)
        if path == STANDARD_INPUT:
            super().__init__(_listed(), None)
        elif place.is_file():
            super().__init__([place], place.parent)
        elif glob.has_magic(path):
            super().__init__(_matching(place), _folder_of(place))
        else:
            raise ImageError(f"no picture at {path or repr(path)}: set input.path to a file, or take input=folder")


class FolderInput(FilesInput):
    """All pictures below a folder at any depth, sorted by path.

    Raises:
        ImageError: when there is no such folder, or no picture in it.
    """

    def __init__(self, path: str) -> None:
        folder = Path(path)
        if not path or not folder.is_dir():  # an empty path, likely a mistake, would be the working folder
            raise ImageError(f"no folder at {path or repr(path)}: set input.path to a folder, or take input=image")
        super().__init__(_to_read(every_image(folder), f"no picture in {path}"), folder)


def _matching(pattern: Path) -> list[Path]:
    found = map(Path, glob.glob(str(pattern), recursive=True))  # noqa: PTH207 - it takes absolute ones too
    pictures = [path for path in found if path.suffix.lower() in EXTENSIONS and path.is_file()]
    once: dict[tuple[str, str], Path] = {}  # links to a folder above would repeat pictures endlessly
    for path in sorted(pictures, key=lambda path: (len(path.parts), path)):
        once.setdefault((os.path.realpath(path.parent), path.name), path)
    hint = " (a [ in a name is written [[])" if "[" in str(pattern) else ""
    return _to_read(sorted(once.values()), f"no picture matches {pattern}{hint}")


def _to_read(pictures: list[Path], none: str) -> list[Path]:
    """The pictures without those that detection wrote; if none are left, an ImageError that begins with ``none``."""
    files = without_made(pictures)
    if pictures and not files:
        raise ImageError(f"{none} except those written by detection: rename them to detect in them")
    if not files:
        raise ImageError(f"{none}: looked for files ending in {', '.join(sorted(EXTENSIONS))}")
    return files


def _folder_of(pattern: Path) -> Path:
    """The folder before the first part with a wildcard."""
    parts = pattern.parts
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    return Path(*parts[:first])


def _listed() -> list[Path]:
    if sys.stdin is None:  # closed by the shell: `<&-`
        raise ImageError("can't read the list on standard input, which is closed: set input.path to a file")
    listed = sys.stdin.buffer.read().removeprefix(codecs.BOM_UTF8)  # Windows programs write it
    lines = [os.fsdecode(line).rstrip("\r") for line in listed.split(b"\n")]  # file names need not be UTF-8
    if any("\0" in line for line in lines):
        raise ImageError("the list on standard input has null bytes, as by find -print0: give a path a line")
    files = without_made(Path(line) for line in lines if line)
    if not files:
        raise ImageError("no picture is listed on standard input: give a path a line, or set input.path")
    return files
