"""A fixed set of validation images for callbacks."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from mtcnn_lit.errors import check_counts
from mtcnn_lit.images import Image, ImageError
from mtcnn_lit.sources.base import Source

log = logging.getLogger(__name__)


class ValidationImages:
    """Some images of a source, evenly spread and always the same ones.

    Unreadable ones are None, each with one warning: one broken file among thousands must not end a training; mining and
    evaluation skip it too.

    Args:
        images: how many, at most.
        without: start of the warning about an unreadable image.

    Attributes:
        indices: of the images in the source.
    """

    def __init__(self, source: Source, images: int, without: str) -> None:
        check_counts(1, images=images)
        self.indices = source.spread(images)
        self._source, self._without = source, without
        self._unreadable: set[int] = set()

    def __iter__(self) -> Iterator[tuple[int, Image | None]]:
        for index in self.indices:
            yield index, self._read(index)

    def _read(self, index: int) -> Image | None:
        if index in self._unreadable:
            return None
        try:
            return self._source.read(index)
        except ImageError as error:
            log.warning("%s: %s", self._without, error)
            self._unreadable.add(index)
            return None
