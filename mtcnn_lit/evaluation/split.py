"""Detections in the images of a source: computed now, or read from a file of any detector."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.detections import Detections
from mtcnn_lit.detections_file import DetectionsFileError, read_detections
from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.ledger import Balance, Ledger
from mtcnn_lit.prefetch import prefetch
from mtcnn_lit.sources.base import Source

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class SplitDetections:
    """Detections in images of a source.

    Attributes:
        source: the images and their true faces.
        indices: of the images in the source.
        detections: of each image; empty for unreadable ones.
        errors: why images can't be read, by their index.
        balance: where the cascade lost faces; None if it saw no image, e.g. if the detections came from a file.
        seconds: of reading and detecting; 0 if the detections came from a file.
    """

    source: Source
    indices: Sequence[int]
    detections: Sequence[Detections]
    errors: Mapping[int, ImageError] = field(default_factory=dict)
    balance: Balance | None = None
    seconds: float = 0

    def faces(self, index: int) -> Tensor:
        """True faces of the source's image ``index``. Shape: -> (F, 4)."""
        return torch.from_numpy(self.source.annotations[index].faces)

    def ignored(self, index: int) -> Tensor:
        """Boxes of the source's image ``index`` that are neither faces nor background. Shape: -> (M, 4)."""
        return torch.from_numpy(self.source.annotations[index].ignored)


def detect_split(cascade: Cascade, source: Source) -> SplitDetections:
    """Detect in all images of a source, one at a time, with the ledger of losses; pictures are prefetched."""
    ledger, found, errors = Ledger(), [], {}
    start = time.perf_counter()
    images = prefetch(lambda index: _read(source, index), range(len(source)))
    progress = tqdm(images, desc=f"detecting {source.split}", total=len(source), unit="image", dynamic_ncols=True)
    for index, image in enumerate(progress):
        if isinstance(image, ImageError):
            log.warning("unreadable image, counted as no detections: %s", image)
            errors[index] = image
            found.append(Detections.empty())
        else:
            found += ledger.run(cascade, [image], [torch.from_numpy(source.annotations[index].faces)], [index])
    seconds = time.perf_counter() - start
    balance = ledger.compute() if len(errors) < len(source) else None
    return SplitDetections(source, range(len(source)), found, errors, balance, seconds)


def listed_detections(path: str | Path, source: Source) -> SplitDetections:
    """Read detections from JSON lines (see `mtcnn_lit.detections_file`) for the images of the source that they list.

    Raises:
        DetectionsFileError: when the file is malformed, or lists an image that the source does not have.
    """
    found = read_detections(path)
    index_of = {annotation.name: index for index, annotation in enumerate(source.annotations)}
    if unknown := next((name for name in found if name not in index_of), None):
        example = source.annotations[0].name
        raise DetectionsFileError(
            f"{path} lists '{unknown}', which is no picture of the {source.split} split: names are like '{example}'"
        )
    indices = [index_of[name] for name in found]
    errors = {index_of[name]: each for name, each in found.items() if isinstance(each, ImageError)}
    detections = [Detections.empty() if isinstance(each, ImageError) else each for each in found.values()]
    return SplitDetections(source, indices, detections, errors)


def _read(source: Source, index: int) -> Image | ImageError:
    try:
        return source.read(index)
    except ImageError as error:
        return error
