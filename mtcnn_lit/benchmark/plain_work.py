"""The plain work that mining is compared with, and the images for it.

A separate module with few imports, since each worker process loads it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtcnn_lit.cascade import Cascade, Pyramid
from mtcnn_lit.images import Image
from mtcnn_lit.sources.base import Annotation, Source


class Part(Source):
    """Some images of a source, by index; indices may repeat."""

    def __init__(self, source: Source, indices: Sequence[int]) -> None:
        super().__init__(source.split, [source.annotations[index] for index in indices])
        self._source, self._indices = source, indices

    def read(self, index: int) -> Image:
        """See ``Source.read``."""
        return self._source.read(self._indices[index])

    def _identity(self, annotation: Annotation) -> str:
        return self._source._identity(annotation)


@dataclass(frozen=True)
class DetectOnly:
    """Detects with the networks before the stage, as mining for R-Net and O-Net must."""

    cascade: Cascade

    def __call__(self, image: Image, annotation: Annotation, index: int) -> None:
        """Detect and discard the result."""
        self.cascade.candidates(Pyramid(image), mining=True)
