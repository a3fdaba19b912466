"""Outlines of faces: there and back."""

from __future__ import annotations

import numpy as np
import pytest

from mtcnn_lit.data.outlines import POINTS, outlined_offsets, outlines

OFFSETS = np.array([[0, 0, 0, 0], [0.25, -0.125, -0.5, 0.375]], dtype=np.float32)


def test_an_outline_touches_its_box_on_all_four_sides() -> None:
    points = outlines(OFFSETS, 8).reshape(POINTS, 2, 2)
    # The second box, in pixels: 2, -1 to 4, 11; the centre of pixel i is at i.
    assert points.min(axis=0).tolist() == [[-0.5, -0.5], [1.5, -1.5]]
    assert points.max(axis=0).tolist() == [[7.5, 7.5], [3.5, 10.5]]


@pytest.mark.parametrize("size", [12, 24, 48])
def test_the_box_of_an_outline_is_the_one_it_was_of(size: int) -> None:
    np.testing.assert_allclose(outlined_offsets(outlines(OFFSETS, size), size), OFFSETS, atol=1e-6)


def test_the_box_of_an_outline_that_was_turned_left_for_right() -> None:
    points = outlines(OFFSETS, 8)
    points[:, 0] = 7 - points[:, 0]
    np.testing.assert_allclose(outlined_offsets(points, 8)[1], [0.5, -0.125, -0.25, 0.375], atol=1e-6)


def test_no_faces_have_no_outlines() -> None:
    assert outlines(OFFSETS[:0], 8).shape == (0, 2)
