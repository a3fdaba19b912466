"""Pictures on disk that are measured together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtcnn_lit.images import Image


@dataclass(frozen=True)
class PictureSet:
    """Pictures on disk that are measured together.

    Attributes:
        name: for tables.
        files: written by `numpy.save`, so that no detector has to decode.
        megapixels: of all of them.
        batch_sizes: how many go into one call, one measurement each, smallest first.
        with_peer: whether another detector is compared on them.
    """

    name: str
    files: tuple[Path, ...]
    megapixels: float
    batch_sizes: tuple[int, ...] = (1,)
    with_peer: bool = False

    @classmethod
    def write(
        cls, folder: Path, name: str, pictures: Sequence[Image], batch_sizes: Sequence[int] = (1,), *, with_peer: bool
    ) -> PictureSet:
        """Keep pictures in a new folder."""
        place = folder / name.replace(" ", "_")
        place.mkdir()
        files = tuple(place / f"{number}.npy" for number in range(len(pictures)))
        for file, picture in zip(files, pictures, strict=True):
            np.save(file, picture)
        pixels = sum(picture.shape[0] * picture.shape[1] for picture in pictures)
        sizes = sorted({min(size, len(pictures)) for size in batch_sizes})
        return cls(name, files, pixels / 1e6, tuple(sizes), with_peer)
