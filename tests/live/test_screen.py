from __future__ import annotations

import numpy as np
import pytest

from mtcnn_lit.live.screen import Screen, note
from tests.live.watched import FOUND, PICTURE, Detector, marked


def test_figures_stand_in_the_corner_and_the_picture_stays_as_it_is() -> None:
    before = PICTURE.image.copy()
    shown = Screen(Detector()).draw_all(PICTURE, FOUND)  # type: ignore[arg-type]
    assert (PICTURE.image == before).all()
    assert (shown[:4, :4] < 60).all()  # the darkened ground
    assert (shown[:60, :160] > 200).any()  # letters
    assert (shown[100:] == Screen(Detector()).draw(PICTURE, FOUND)[100:]).all()  # type: ignore[arg-type]
    assert marked(shown) > 0


@pytest.mark.parametrize("shape", [(1080, 1920), (48, 64), (20, 2000), (400, 30)])
def test_a_note_fits_any_picture(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 200, np.uint8)
    noted = note(image, ["30.0 fps   P 12  R 3  O 1 ms", "1 face   threshold 0.70"])
    assert noted.shape == image.shape
    assert (noted[0, 0] < 100).all()
    if min(shape) >= 48:
        assert (noted[-1, -1] == 200).all()
