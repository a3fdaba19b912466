"""The pictures of a benchmark, on pictures whose every pixel tells where it comes from."""

from __future__ import annotations

import numpy as np
import pytest

from mtcnn_lit.benchmark.pictures import TILE, crowd, face_tiles, pieces, shape_of, tiled
from mtcnn_lit.images import Image


def plain(height: int, width: int, value: int) -> Image:
    return np.full((height, width, 3), value, np.uint8)


def test_tiles_fill_the_picture_row_by_row() -> None:
    """Rows of height 4: 1 2 1 and then 2 1 2, cut to the middle 8 of 10 or 11 columns and 6 of 8 rows."""
    made = tiled([plain(4, 4, 1), plain(4, 3, 2)], 6, 8)
    assert made[:3, :, 0].tolist() == [[1, 1, 1, 2, 2, 2, 1, 1]] * 3
    assert made[3:, :, 0].tolist() == [[2, 2, 1, 1, 1, 1, 2, 2]] * 3


def test_pictures_smaller_than_one_are_cut_from_its_middle() -> None:
    picture = np.arange(6 * 6, dtype=np.uint8).reshape(6, 6, 1).repeat(3, axis=2)
    assert tiled([picture], 2, 2)[..., 0].tolist() == [[14, 15], [20, 21]]


@pytest.mark.parametrize(("megapixels", "shape"), [(12, (3000, 4000)), (3, (1500, 2000)), (0.3, (474, 632))])
def test_shapes(megapixels: float, shape: tuple[int, int]) -> None:
    assert shape_of(megapixels) == shape


def test_pieces_are_whole_and_disjoint() -> None:
    picture = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7, 1).repeat(3, axis=2)
    cut = [piece[..., 0].tolist() for piece in pieces(picture, 2, 3)]
    assert cut == [
        [[0, 1, 2], [7, 8, 9]],
        [[3, 4, 5], [10, 11, 12]],
        [[14, 15, 16], [21, 22, 23]],
        [[17, 18, 19], [24, 25, 26]],
    ]
    assert len(pieces(picture, 5, 7)) == 1


def test_a_tile_shows_its_face_and_some_ground_around_it() -> None:
    """A face of 40 by 30 in the middle of its tile of 60: 2/3 of the height and half of the width are bright."""
    picture = plain(200, 200, 10)
    picture[80:120, 85:115] = 250
    (tile,) = face_tiles(picture, np.float32([[85, 80, 115, 120]]))
    assert tile.shape == (TILE, TILE, 3)
    bright = tile[..., 0] > 130
    assert bright[TILE // 2].mean() == pytest.approx(1 / 2, abs=0.03)
    assert bright[:, TILE // 2].mean() == pytest.approx(2 / 3, abs=0.03)


def test_no_faces_make_no_tiles() -> None:
    assert face_tiles(plain(20, 20, 0), np.zeros((0, 4), np.float32)) == []


def test_a_crowd_repeats_its_tiles_mirrored() -> None:
    tile = plain(TILE, TILE, 0)
    tile[:, : TILE // 2] = 9
    made = crowd([tile], TILE + 10, 2 * TILE)
    assert made.shape == (TILE + 10, 2 * TILE, 3)
    row = [9] * 34 + [0] * 34 + [0] * 34 + [9] * 34
    assert (made[..., 0] == row).all()
