"""The patch store: mined patches on disk, written in bounded memory, read by memory map.

One folder holds one mined set: raw little-endian columns and `manifest.json`. A store is written to a temporary
folder beside its place and renamed when complete, under a file lock: of two runs that need the same set the second
waits and reuses it, and interrupted mining resumes. A folder with the final name was complete when it got that name: it
is opened without the lock, also on a read-only disk.

Labels are not stored: positive, part and negative follow from the IoU and the thresholds at training time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from mtcnn_lit.errors import UserError, is_disk_full, is_unwritable
from mtcnn_lit.images import Image

FORMAT = 1  # of the files, and of the crops that the same settings make: raise it where either changes
_MANIFEST = "manifest.json"


class StoreError(UserError):
    """Patches that can't be written or read; the message says why, and how to go on."""


class Origin(IntEnum):
    """How a crop was made."""

    RANDOM = 0
    JITTER = 1
    CASCADE = 2


class Patches(NamedTuple):
    """Patches and their annotations.

    Attributes:
        pixels: (N, S, S, 3) uint8 RGB.
        iou: (N,) float32, best IoU with a face.
        offsets: (N, 4) float32, from the crop to that face.
        image: (N,) int32, index of the image in its source.
        origin: (N,) uint8, an `Origin`.
    """

    pixels: Image
    iou: npt.NDArray[np.float32]
    offsets: npt.NDArray[np.float32]
    image: npt.NDArray[np.int32]
    origin: npt.NDArray[np.uint8]


def _columns(size: int) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
    """Type and shape of one row of each column."""
    return {
        "pixels": (np.dtype(np.uint8), (size, size, 3)),
        "iou": (np.dtype("<f4"), ()),
        "offsets": (np.dtype("<f4"), (4,)),
        "image": (np.dtype("<i4"), ()),
        "origin": (np.dtype(np.uint8), ()),
    }


@dataclass(frozen=True)
class PatchStore:
    """A complete mined set; the columns are read-only memory maps."""

    folder: Path
    manifest: Mapping[str, Any]
    patches: Patches

    @classmethod
    def open(cls, folder: Path) -> PatchStore:
        """Open a complete set.

        Raises:
            StoreError: when a file of it is missing, cut short or broken.
        """
        try:
            manifest = json.loads((folder / _MANIFEST).read_text())
            count, size = manifest["patches"], manifest["size"]
            columns = {name: _map(folder, name, count, size) for name in Patches._fields}
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{folder}: not whole; remove it, and it is mined anew") from error
        except PermissionError as error:
            remedy = "permit it, or mine elsewhere by paths.patch_dir=FOLDER"
            raise StoreError(f"{folder}: can't be read; {remedy}") from error
        return cls(folder, manifest, Patches(**columns))

    @classmethod
    def open_or_mine(
        cls, folder: Path, manifest: Mapping[str, Any], size: int, mine: Callable[[PatchWriter], Mapping[str, Any]]
    ) -> PatchStore:
        """Open the set in ``folder``, or mine it there when it isn't.

        Args:
            folder: where the set belongs; its name carries the fingerprint of everything that it depends on.
            manifest: what the set was made from, kept beside it.
            size: side of the patches, px.
            mine: appends the patches of all images from the writer's ``next_image`` on, in order, and returns what to
                add to the manifest.

        Raises:
            StoreError: when they have to be mined and can't be written, or the set in the folder is not whole.
        """
        if folder.exists():
            return cls.open(folder)
        with _as_store_error(folder.parent):
            folder.parent.mkdir(parents=True, exist_ok=True)
            lock = FileLock(folder.with_suffix(".lock")).acquire()
        with lock:
            if not folder.exists():  # unless another process has mined it meanwhile
                unfinished = folder.with_suffix(".unfinished")
                with PatchWriter(unfinished, size) as writer:
                    results = mine(writer)
                complete = {"format": FORMAT, **manifest, **results, "size": size, "patches": writer.count}
                with _as_store_error(unfinished):
                    (unfinished / _MANIFEST).write_text(json.dumps(complete, indent=2) + "\n")
                    unfinished.rename(folder)
        return cls.open(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled by its folder and opened again in another process: pixels are not sent."""
        return PatchStore.open, (self.folder,)

    def __len__(self) -> int:
        return len(self.patches.iou)


@contextmanager
def _as_store_error(place: Path) -> Iterator[None]:
    """Turn OSErrors of writing to a place into a StoreError."""
    try:
        yield
    except OSError as error:
        if is_unwritable(error):
            remedy = "name a folder for patches that can be written by paths.patch_dir=FOLDER"
        else:
            remedy = f"{'make room, then' if is_disk_full(error) else 'once that is mended,'} the same command goes on"
        raise StoreError(f"{place}: {error.strerror}; {remedy}") from error


def _map(folder: Path, name: str, count: int, size: int) -> npt.NDArray[Any]:
    dtype, row = _columns(size)[name]
    if count == 0:
        return np.zeros((0, *row), dtype)
    return np.memmap(folder / f"{name}.bin", dtype, "r", shape=(count, *row))


class PatchWriter:
    """Appends patches to a folder, after those that an interrupted writer left there; holds none of them in memory.

    Attributes:
        count: patches in the folder.
        next_image: the image to resume from. The interrupted writer's last image may be incomplete and is dropped.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self.count = 0
        self.next_image = 0
        self._folder = folder
        self._columns = _columns(size)
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> PatchWriter:
        with _as_store_error(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._files = {name: (self._folder / f"{name}.bin").open("ab") for name in self._columns}
        row_bytes = {name: dtype.itemsize * math.prod(row) for name, (dtype, row) in self._columns.items()}
        rows = min(file.tell() // row_bytes[name] for name, file in self._files.items())
        image = self.written("image")[:rows]
        if rows:
            self.next_image = int(image[-1])
            self.count = int(np.searchsorted(image, self.next_image))
        for name, file in self._files.items():
            file.truncate(self.count * row_bytes[name])
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        for file in self._files.values():
            with suppress(OSError) if error else nullcontext():  # closing retries what `append` could not write
                file.close()

    def written(self, column: str) -> npt.NDArray[Any]:
        """A column of what was appended, read from its file."""
        dtype, row = self._columns[column]
        return np.fromfile(self._folder / f"{column}.bin", dtype).reshape(-1, *row)

    def append(self, patches: Patches) -> None:
        """Add patches at the end.

        Raises:
            StoreError: when the disk is full or fails.
            ValueError: when the columns don't fit.
        """
        count = len(patches.iou)
        columns = {
            name: np.ascontiguousarray(getattr(patches, name), kind) for name, (kind, _) in self._columns.items()
        }
        for name, (_, row) in self._columns.items():
            if columns[name].shape != (count, *row):
                raise ValueError(f"column {name} must have shape {(count, *row)}, not {columns[name].shape}")
        with _as_store_error(self._folder):
            for name, values in columns.items():
                self._files[name].write(values.data)
                self._files[name].flush()  # so that a kill loses at most one image
        self.count += count
