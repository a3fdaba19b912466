"""Pictures to detect in, one at a time and by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mtcnn_lit.images import EXTENSIONS, Image, ImageError, list_images, read_image


class NamedImage(NamedTuple):
    """Attributes: name, the path relative to the input's; image, uint8 RGB (H, W, 3), or why it can't be read."""

    name: str
    image: Image | ImageError


@dataclass(frozen=True)
class ImageInput:
    """A single picture file."""

    path: str

    def __post_init__(self) -> None:
        if not Path(self.path).is_file():
            raise ImageError(f"no picture at {self.path}: set input.path to a file, or take input=folder")

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[NamedImage]:
        yield _read(Path(self.path), Path(self.path).parent)


@dataclass(frozen=True)
class FolderInput:
    """All pictures below a folder, sorted by path."""

    path: str

    def __post_init__(self) -> None:
        if not Path(self.path).is_dir():
            raise ImageError(f"no folder at {self.path}: set input.path to a folder, or take input=image")
        if not list_images(self.path):
            raise ImageError(f"no pictures in {self.path}: looked for files ending in {', '.join(sorted(EXTENSIONS))}")

    def __len__(self) -> int:
        return len(list_images(self.path))

    def __iter__(self) -> Iterator[NamedImage]:
        for path in list_images(self.path):
            yield _read(path, Path(self.path))


def _read(path: Path, root: Path) -> NamedImage:
    name = path.relative_to(root).as_posix()
    try:
        return NamedImage(name, read_image(path))
    except ImageError as error:
        return NamedImage(name, error)
