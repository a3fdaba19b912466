"""Batches of pictures for the cascade."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtcnn_lit.images import Image

# Limits of a batch, in pictures and in pixels: P-Net's output for every window is kept until the batch is done.
_MOST = 16
_ENOUGH_PIXELS = 2**23


def batches(images: Iterable[Image]) -> Iterator[list[Image]]:
    """Group images (H, W, 3) into batches, lazily: a batch is read when the one before it has been used."""
    batch: list[Image] = []
    pixels = 0
    for image in images:
        batch.append(image)
        pixels += image.shape[0] * image.shape[1]
        if len(batch) == _MOST or pixels >= _ENOUGH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch
