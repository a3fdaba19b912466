from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mtcnn_lit import Detections
from mtcnn_lit.draw import DETECTION, FACE
from mtcnn_lit.evaluation.contact_sheet import Scene, Spot, contact_sheet, worst_false_positives, worst_misses
from mtcnn_lit.images import Image
from mtcnn_lit.ledger import FaceLoss

Box = tuple[float, float, float, float]
GAP, SIDE, CAPTION = 4, 240, 24  # px


def boxes(*rows: Box) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def detections(*pairs: tuple[Box, float]) -> Detections:
    return Detections(boxes(*(box for box, _ in pairs)), torch.tensor([score for _, score in pairs]).float())


def scene(
    size: tuple[int, int] = (100, 100), found: Detections | None = None, faces: Tensor | None = None, grey: int = 90
) -> Scene:
    image = np.full((*size, 3), grey, np.uint8)
    return Scene(image, Detections.empty() if found is None else found, boxes() if faces is None else faces)


def cell(sheet: Image, row: int = 0, column: int = 0) -> Image:
    """The picture of a spot, without its caption."""
    top, left = GAP + row * (SIDE + CAPTION + GAP), GAP + column * (SIDE + GAP)
    return sheet[top : top + SIDE, left : left + SIDE]


def framed(picture: Image, colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """x1 y1 x2 y2 of all that has the colour, lines included."""
    y, x = np.nonzero((picture == colour).all(axis=2))
    return int(x.min()), int(y.min()), int(x.max()) + 1, int(y.max()) + 1


def test_the_largest_misses_come_first() -> None:
    losses = [
        FaceLoss(4, (0, 0, 9, 12.4), "rnet", 0.432),
        FaceLoss(2, (5, 5, 50, 95), "pnet_nms", 0.9),
        FaceLoss(4, (0, 0, 90, 20), "pnet", 0.0),
    ]
    assert worst_misses(losses) == [
        Spot(2, (5, 5, 50, 95), "90 px, P-Net's NMS 0.90"),
        Spot(4, (0, 0, 90, 20), "20 px, P-Net 0.00"),
        Spot(4, (0, 0, 9, 12.4), "12 px, R-Net 0.43"),
    ]
    assert [spot.box for spot in worst_misses(losses, most=1)] == [(5, 5, 50, 95)]
    assert worst_misses([]) == []


def test_the_surest_false_positives_come_first() -> None:
    a, b, c = (0.0, 0.0, 10.0, 12.0), (5.0, 0.0, 10.0, 30.0), (7.0, 7.0, 9.0, 9.0)
    found = [detections((a, 0.875), (b, 0.75), (c, 0.125)), Detections.empty(), detections((b, 1.0), (c, 0.5))]
    wrong = [torch.tensor([True, False, True]), torch.zeros(0).bool(), torch.tensor([False, True])]
    spots = [Spot(3, a, "0.88, 12 px"), Spot(9, c, "0.50, 2 px"), Spot(3, c, "0.12, 2 px")]
    assert worst_false_positives(found, wrong, [3, 5, 9]) == spots
    assert worst_false_positives(found, wrong, [3, 5, 9], most=2) == spots[:2]
    assert worst_false_positives([], [], []) == []


def test_a_spot_lies_in_the_middle_with_as_much_around_it_on_each_side() -> None:
    spot = Spot(0, (40, 30, 60, 50), "")
    there = scene(faces=boxes(spot.box))
    picture = cell(contact_sheet([spot], lambda _: there))
    assert framed(picture, FACE) == (79, 79, 161, 161)  # 80 to 160, and a line of 2 px around it
    assert (picture[0, 0] == 90).all()


def test_a_spot_that_is_no_square_is_shown_by_its_longer_side() -> None:
    spot = Spot(0, (40, 30, 50, 60), "")
    picture = cell(contact_sheet([spot], lambda _: scene(faces=boxes(spot.box))))
    x1, y1, x2, y2 = framed(picture, FACE)
    assert (x2 - x1, y2 - y1) == (28, 82)  # 107 to 133, 80 to 160, and the line
    assert abs(x1 + x2 - SIDE) <= 1


def test_beyond_the_image_it_is_black() -> None:
    picture = cell(contact_sheet([Spot(0, (0, 80, 20, 100), "")], lambda _: scene()))
    assert (picture[:, :79] == 0).all()
    assert (picture[162:] == 0).all()
    assert (picture[:159, 82:] == 90).all()


def test_what_was_found_there_is_drawn_and_nothing_of_the_rest() -> None:
    spot = Spot(0, (40, 40, 60, 60), "")
    near, far = ((45.0, 40.0, 65.0, 60.0), 0.875), ((80.0, 80.0, 100.0, 100.0), 0.75)  # the cut ends at 80
    with_both, with_one, with_none = (
        cell(contact_sheet([spot], lambda _, found=found: scene(found=found)))
        for found in (detections(near, far), detections(near), detections(far))
    )
    assert np.array_equal(with_both, with_one)
    assert (with_none == 90).all()
    x1, _, x2, y2 = framed(with_one, DETECTION)
    assert (x1, x2, y2) == (100, 180, 160)


def test_spots_row_by_row_each_from_its_own_image() -> None:
    spots = [Spot(10 * number, (10, 10, 20, 20), "a caption") for number in range(1, 9)]
    sheet = contact_sheet(spots, lambda number: scene((200, 300), grey=number))
    assert sheet.shape == (2 * (SIDE + CAPTION + GAP) + GAP, 6 * (SIDE + GAP) + GAP, 3)
    assert [cell(sheet, *divmod(place, 6))[120, 120, 0] for place in range(8)] == [10, 20, 30, 40, 50, 60, 70, 80]
    assert sheet[GAP + SIDE : GAP + SIDE + CAPTION, GAP : GAP + SIDE].max() > 200  # letters


def test_no_spots() -> None:
    with pytest.raises(ValueError, match="a contact sheet needs at least one spot"):
        contact_sheet([], lambda _: scene())
