"""What mining is measured against, and on which images.

A module of its own that imports little: each worker process loads it, and would start late otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mtcnn_lit.cascade import Cascade, Pyramid
from mtcnn_lit.images import Image
from mtcnn_lit.sources.base import Annotation, Source


class Part(Source):
    """Some images of a source, each as often as its index comes."""

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
    """Detects with the networks before the stage: what mining for R-Net and O-Net can't do without."""

    cascade: Cascade

    def __call__(self, image: Image, annotation: Annotation, index: int) -> None:
        """Detect, and tell nothing."""
        self.cascade.candidates(Pyramid(image), mining=True)


def read_only(image: Image, annotation: Annotation, index: int) -> None:
    """The image was read: no more is asked."""
