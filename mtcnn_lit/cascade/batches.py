"""Pictures that go through the cascade together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mtcnn_lit.images import Image

# Pictures of a batch at most, and pixels after which it takes no more: what P-Net says of every window of all of them
# is kept until they are through.
_MOST = 16
_ENOUGH_PIXELS = 2**23


def batches(images: Iterable[Image]) -> Iterator[list[Image]]:
    """Cut a list of images (H, W, 3) into batches, none of which is read before the one before it is done with."""
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
