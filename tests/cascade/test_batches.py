from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from mtcnn_lit.cascade.batches import batches
from mtcnn_lit.images import Image


def blank(megapixels: int) -> Image:
    """A picture of 1,024 px in height that takes no memory."""
    return np.broadcast_to(np.zeros(3, np.uint8), (1024, 1024 * megapixels, 3))


@pytest.mark.parametrize(
    ("megapixels", "lengths"),
    [
        ([], []),
        ([1], [1]),
        ([1] * 19, [8, 8, 3]),
        ([7, 12, 12], [2, 1]),
        ([12, 12, 1, 1], [1, 1, 2]),
    ],
)
def test_a_batch_ends_with_eight_megapixels(megapixels: list[int], lengths: list[int]) -> None:
    images = [blank(size) for size in megapixels]
    found = list(batches(images))
    assert [len(batch) for batch in found] == lengths
    assert all(a is b for a, b in zip([image for batch in found for image in batch], images, strict=True))


def test_a_batch_ends_with_sixteen_pictures() -> None:
    assert [len(batch) for batch in batches([np.zeros((12, 12, 3), np.uint8)] * 35)] == [16, 16, 3]


def test_no_more_pictures_are_read_than_a_batch_takes() -> None:
    read: list[int] = []

    def reading() -> Iterator[Image]:
        for number in range(40):
            read.append(number)
            yield blank(1)

    taken = batches(reading())
    assert (len(next(taken)), len(read)) == (8, 8)
    assert (len(next(taken)), len(read)) == (8, 16)
