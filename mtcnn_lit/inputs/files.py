"""Pictures to detect in, one at a time and by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mtcnn_lit.images import EXTENSIONS, ImageError, list_images, read_image
from mtcnn_lit.named_image import NamedImage, UnreadImage
from mtcnn_lit.prefetch import prefetch


@dataclass(frozen=True)
class ImageInput:
    """A single picture file."""

    path: str

    def __post_init__(self) -> None:
        if not Path(self.path).is_file():
            raise ImageError(f"no picture at {self.path}: set input.path to a file, or take input=folder")

    @property
    def files(self) -> list[Path]:
        """The file."""
        return [Path(self.path)]

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Iterator[NamedImage | UnreadImage]:
        yield _read(Path(self.path), Path(self.path).parent)


@dataclass(frozen=True)
class FolderInput:
    """All pictures below a folder, sorted by path."""

    path: str
    files: list[Path] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not Path(self.path).is_dir():
            raise ImageError(f"no folder at {self.path}: set input.path to a folder, or take input=image")
        object.__setattr__(self, "files", list_images(self.path))
        if not self.files:
            raise ImageError(f"no pictures in {self.path}: looked for files ending in {', '.join(sorted(EXTENSIONS))}")

    def __len__(self) -> int:
        return len(self.files)

    def __iter__(self) -> Iterator[NamedImage | UnreadImage]:
        yield from prefetch(lambda path: _read(path, Path(self.path)), self.files)


def _read(path: Path, root: Path) -> NamedImage | UnreadImage:
    name = path.relative_to(root).as_posix()
    try:
        return NamedImage(name, read_image(path))
    except ImageError as error:
        return UnreadImage(name, error)
