from __future__ import annotations

import numpy as np
import pytest
import torch

from mtcnn_lit.detections import Detections
from mtcnn_lit.live import screen as module
from mtcnn_lit.live.pace import Rate
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


def test_what_the_figures_say(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[list[str]] = []
    monkeypatch.setattr(module, "note", lambda image, lines: said.append(lines) or image)
    seconds = iter([0.0, 0.5, 1.0])
    screen = Screen(Detector())  # type: ignore[arg-type]
    screen._rate = Rate(lambda: next(seconds))
    for found, state in ((FOUND, ""), (Detections.empty(), ""), (FOUND.select(torch.tensor([0, 0])), "paused")):
        screen.tick()
        screen.draw_all(PICTURE, found, state)
    assert said == [
        ["0.0 fps   P 12  R 3  O 1 ms", "1 face   threshold 0.70"],
        ["2.0 fps   P 12  R 3  O 1 ms", "0 faces   threshold 0.70"],
        ["2.0 fps   P 12  R 3  O 1 ms", "2 faces   threshold 0.70", "paused"],
    ]


@pytest.mark.parametrize("shape", [(1080, 1920), (48, 64), (20, 2000), (400, 30)])
def test_a_note_fits_any_picture(shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 200, np.uint8)
    noted = note(image, ["30.0 fps   P 12  R 3  O 1 ms", "1 face   threshold 0.70"])
    assert noted.shape == image.shape
    assert (image == 200).all()
    assert (noted[0, 0] < 100).all()
    if min(shape) >= 48:
        assert (noted[-1, -1] == 200).all()
