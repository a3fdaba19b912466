"""The base class of sources of annotated images."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mtcnn_lit.errors import UserError
from mtcnn_lit.images import Image, read_image

Split: TypeAlias = Literal["train", "val", "test"]
BoxArray: TypeAlias = npt.NDArray[np.float32]


class SourceError(UserError):
    """A source that can't be used; the message names the path or line and the remedy."""


@dataclass(frozen=True)
class Annotation:
    """The faces of one image.

    Attributes:
        name: the image's path relative to the source's image folder, or its number for a source without files.
        faces: (N, 4) float32 boxes that count, ``x1 y1 x2 y2`` in pixels.
        ignored: (M, 4) float32 boxes that are neither faces nor background.
    """

    name: str
    faces: BoxArray
    ignored: BoxArray

    @classmethod
    def from_boxes(
        cls, name: str, boxes: BoxArray, *, min_height: float, ignored: npt.NDArray[np.bool_] | None = None
    ) -> Annotation:
        """Sort (N, 4) boxes into faces and ignored ones; boxes without area are dropped.

        Ignored are those marked in ``ignored`` (N,) and those under ``min_height`` pixels.
        """
        width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
        out = height < min_height if ignored is None else ignored | (height < min_height)
        real = (width > 0) & (height > 0)
        return cls(name, boxes[real & ~out], boxes[real & out])

    def within(self, height: int, width: int) -> Annotation:
        """The annotation without faces that lie wholly outside an image of that size."""
        inside = (self.faces[:, 2:] > 0).all(axis=1) & (self.faces[:, :2] < [width, height]).all(axis=1)
        return self if inside.all() else replace(self, faces=self.faces[inside])


class Source(ABC):
    """A split of an annotated data set: ``annotations[i]`` belongs to ``read(i)``.

    Sources are pickled to worker processes, so they hold annotations and paths, never pixels.

    Attributes:
        split: "train", "val" or "test".
        annotations: one for each image.
        skipped: how many images were left out because they are missing or broken.
    """

    _face_settings: ClassVar[str] = "the annotations"

    def __init__(self, split: Split, annotations: Sequence[Annotation] = (), skipped: int = 0) -> None:
        self.split: Split = split
        self.annotations = annotations
        self.skipped = skipped

    def __len__(self) -> int:
        return len(self.annotations)

    @abstractmethod
    def read(self, index: int) -> Image:
        """The pixels of image ``index``: uint8 RGB (H, W, 3).

        Raises:
            mtcnn_lit.images.ImageError: when the file can't be read.
        """

    @abstractmethod
    def _identity(self, annotation: Annotation) -> str:
        """A string that changes when the pixels of the image change."""

    def fingerprint(self) -> str:
        """A digest that changes when an image or an annotation of this split does."""
        digest = hashlib.sha256(type(self).__name__.encode())
        for annotation in self.annotations:
            about = f"\n{annotation.name} {self._identity(annotation)} {len(annotation.faces)} "
            digest.update(about.encode(errors="surrogateescape"))  # file names need not be UTF-8
            digest.update(annotation.faces.tobytes())
            digest.update(annotation.ignored.tobytes())
        return digest.hexdigest()

    def spread(self, count: int) -> list[int]:
        """Indices of at most ``count`` images, as `spread` chooses them."""
        return spread(len(self), count)

    def check_faces(self) -> None:
        """Reject a split without any face.

        Raises:
            SourceError: naming the settings that may be the cause.
        """
        if not any(len(annotation.faces) for annotation in self.annotations):
            raise SourceError(f"no face in the {self.split} split ({self.summary()}); check {self._face_settings}")

    def summary(self) -> str:
        """One line: images, faces, ignored boxes, skipped images."""
        faces = sum(len(annotation.faces) for annotation in self.annotations)
        ignored = sum(len(annotation.ignored) for annotation in self.annotations)
        name = type(self).__name__
        return (
            f"{name} {self.split}: {len(self):,} images, {faces:,} faces, {ignored:,} ignored, {self.skipped:,} skipped"
        )


class FileSource(Source):
    """A source whose annotations name picture files below ``image_root``.

    Raises:
        SourceError: when there are no pictures.
    """

    def __init__(self, split: Split, image_root: Path, annotations: Sequence[Annotation], skipped: int) -> None:
        super().__init__(split, annotations, skipped)
        self.image_root = image_root
        if not annotations:
            missing = f"none of the {skipped:,} pictures can be used" if skipped else "no pictures"
            raise SourceError(f"{image_root}: {missing} for split '{split}'; check that the data set was unpacked here")

    def read(self, index: int) -> Image:
        """See ``Source.read``."""
        return read_image(self.image_root / self.annotations[index].name)

    def _identity(self, annotation: Annotation) -> str:
        # A file's size and time stand for its pixels: reading all of a large data set would take minutes.
        try:
            status = (self.image_root / annotation.name).stat()
        except OSError as error:
            raise SourceError(
                f"{error.filename}: {error.strerror}; the picture was there when the run began"
            ) from error
        return f"{status.st_size} {status.st_mtime_ns}"


def spread(total: int, most: int) -> list[int]:
    """At most ``most`` of the indices 0 to ``total`` - 1, evenly spread and always the same."""
    return [round(index) for index in np.linspace(0, total - 1, min(most, total))]


def as_boxes(rows: Sequence[Sequence[float]] | npt.NDArray[np.int64]) -> BoxArray:
    """Rows of ``x1 y1 x2 y2`` as a (N, 4) float32 array, also for no rows."""
    return np.asarray(rows, dtype=np.float32).reshape(-1, 4)


def boxes_from_sizes(rows: Sequence[Sequence[float]] | npt.NDArray[np.int64]) -> BoxArray:
    """Rows of ``x y width height`` as a (N, 4) float32 array of corners, also for no rows."""
    x, y, width, height = as_boxes(rows).T
    return np.stack([x, y, x + width, y + height], axis=1)


def existing_folder(path: str | Path, remedy: str) -> Path:
    """The folder ``path``, with ``~`` expanded.

    Raises:
        SourceError: when it isn't there; the message ends with ``remedy``.
    """
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise SourceError(f"{folder}: no such folder; {remedy}")
    return folder


def read_text(path: Path, remedy: str) -> str:
    """The text of an annotation file, without a UTF-8 byte order mark.

    Raises:
        SourceError: when it isn't there or is no UTF-8 text; the message ends with ``remedy``.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror or error}; {remedy}") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: no UTF-8 text at byte {error.start}; {remedy}") from error
