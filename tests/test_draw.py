from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from mtcnn_lit import Detections
from mtcnn_lit.draw import DETECTION, FACE, IGNORED, captioned, draw, grid, sheet
from mtcnn_lit.images import Image

GROUND = [40, 42, 48]
GAP, TITLE, CAPTION = 4, 34, 24  # px


def plain(height: int, width: int, colour: tuple[int, int, int] = (90, 90, 90)) -> Image:
    return np.full((height, width, 3), colour, np.uint8)


def boxes(*rows: tuple[float, float, float, float]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def found(*rows: tuple[float, float, float, float], score: float = 0.87) -> Detections:
    return Detections(boxes(*rows), torch.full((len(rows),), score))


def is_colour(image: Image, colour: tuple[int, int, int]) -> np.ndarray:
    return (image == colour).all(axis=2)


def frame(height: int, width: int, x1: int, y1: int, x2: int, y2: int) -> np.ndarray:
    """Where the outermost pixels of a box are."""
    mask = np.zeros((height, width), bool)
    mask[y1:y2, x1:x2] = True
    mask[y1 + 1 : y2 - 1, x1 + 1 : x2 - 1] = False
    return mask


def test_a_face_is_framed_by_its_outermost_pixels() -> None:
    drawn = draw(plain(100, 120), Detections.empty(), ignored=boxes((20, 30, 60, 70)))
    assert np.array_equal(is_colour(drawn, IGNORED), frame(100, 120, 20, 30, 60, 70))
    assert np.array_equal(is_colour(drawn, (90, 90, 90)), ~frame(100, 120, 20, 30, 60, 70))


def test_nothing_to_draw_gives_a_copy() -> None:
    image = plain(50, 60)
    drawn = draw(image, Detections.empty(), faces=boxes(), ignored=boxes())
    assert np.array_equal(drawn, image)
    drawn[:] = 0
    assert image.all()


def test_what_is_given_stays_as_it_is() -> None:
    image, detections, faces = plain(100, 120), found((20, 30, 60, 70)), boxes((25, 30, 65, 70))
    draw(image, detections, faces)
    assert np.array_equal(image, plain(100, 120))
    assert (detections.boxes.tolist(), faces.tolist()) == ([[20, 30, 60, 70]], [[25, 30, 65, 70]])


def test_detections_lie_over_faces_that_show_beside_them() -> None:
    drawn = draw(
        plain(100, 120), found((20, 30, 60, 70)), faces=boxes((20, 30, 60, 70)), ignored=boxes((20, 30, 60, 70))
    )
    assert is_colour(drawn, DETECTION)[frame(100, 120, 20, 30, 60, 70)].all()
    assert is_colour(drawn, FACE)[frame(100, 120, 19, 29, 61, 71)][70:].any()  # below its label
    assert not is_colour(drawn, IGNORED).any()
    assert len({DETECTION, FACE, IGNORED}) == 3


def test_the_inside_of_a_detection_is_left_to_be_seen() -> None:
    drawn = draw(plain(100, 120), found((20, 30, 60, 70)), faces=boxes((20, 30, 60, 70)))
    assert is_colour(drawn, (90, 90, 90))[32:68, 22:58].all()


def test_scores_are_written_in_two_decimals() -> None:
    box = (20.0, 30.0, 60.0, 70.0)
    assert np.array_equal(
        draw(plain(100, 120), found(box, score=0.871)), draw(plain(100, 120), found(box, score=0.869))
    )
    assert not np.array_equal(
        draw(plain(100, 120), found(box, score=0.87)), draw(plain(100, 120), found(box, score=0.88))
    )


@pytest.mark.parametrize("corner", [(0, 0), (118, 0), (0, 98), (118, 98), (-50, 50), (300, 50)])
def test_a_label_stays_whole_within_the_picture(corner: tuple[int, int]) -> None:
    """Drawn for a box of hardly a pixel, nearly all that is coloured is the label, dark letters aside."""
    x, y = corner
    in_the_middle = is_colour(draw(plain(100, 120), found((60, 50, 61, 51))), DETECTION).sum()
    at_the_border = is_colour(draw(plain(100, 120), found((x, y, x + 1, y + 1))), DETECTION).sum()
    assert in_the_middle > 100
    assert abs(int(at_the_border) - int(in_the_middle)) <= 2


def test_the_best_label_lies_on_top() -> None:
    place = boxes((20, 30, 60, 70), (20, 30, 60, 70))
    both = draw(plain(100, 120), Detections(place, torch.tensor([0.99, 0.11])))
    assert np.array_equal(both, draw(plain(100, 120), found((20, 30, 60, 70), score=0.99)))


def test_lines_and_labels_grow_with_the_picture() -> None:
    small = draw(plain(500, 500), found((100, 100, 400, 400)))
    large = draw(plain(2000, 2000), found((400, 400, 1600, 1600)))
    assert is_colour(small, DETECTION)[250, :250].sum() == 1
    assert is_colour(large, DETECTION)[1000, :1000].sum() in (4, 5)  # OpenCV rounds even widths up
    assert is_colour(large, DETECTION)[300:395].sum() > 5 * is_colour(small, DETECTION)[75:99].sum()


@pytest.mark.parametrize("turned", [False, True])
def test_in_a_narrow_strip_they_grow_with_its_shorter_side(turned: bool) -> None:
    size, box = ((6000, 200), (50, 3000, 150, 3100)) if turned else ((200, 6000), (3000, 50, 3100, 150))
    drawn = is_colour(draw(plain(*size), found(box)), DETECTION)
    as_in = is_colour(draw(plain(600, 600), found((300, 300, 400, 400))), DETECTION)
    assert drawn.sum() == as_in.sum()
    assert not drawn[box[1] + 10 : box[3] - 10, box[0] + 10 : box[2] - 10].any()  # the face is left to be seen


@pytest.mark.parametrize("left", [32_700, 65_000])
def test_boxes_in_a_wide_panorama_lie_where_they_are(left: int) -> None:
    box = (left, 20, left + 150, 45)
    drawn = draw(plain(60, 66_000), Detections.empty(), ignored=boxes(box))
    assert np.array_equal(is_colour(drawn, IGNORED), frame(60, 66_000, left, 20, left + 150, 45))
    _, columns = np.nonzero(is_colour(draw(plain(60, 66_000), found(box)), DETECTION))
    assert (columns.min(), columns.max()) == (left, left + 149)


def test_boxes_far_beyond_the_picture_do_no_harm() -> None:
    far = found((-1e9, -1e9, 1e9, 1e9), (5e4, 5e4, 6e4, 6e4), (40, 40, 30, 20), (float("-inf"), 5, float("inf"), 9))
    assert draw(plain(100, 120), far).shape == (100, 120, 3)


@pytest.mark.parametrize("size", [(1, 1), (3, 40)])
def test_tiny_pictures(size: tuple[int, int]) -> None:
    assert draw(plain(*size), found((0, 0, 1, 1)), boxes((0, 0, 1, 1))).shape == (*size, 3)


COLOURS = [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 0), (0, 250, 250)]


def test_grid_puts_pictures_row_by_row() -> None:
    sheet_ = grid([plain(30, 40, colour) for colour in COLOURS], cell=(40, 30))
    assert sheet_.shape == (2 * (30 + GAP) + GAP, 3 * (40 + GAP) + GAP, 3)  # three columns, as five need two rows
    corners = [(GAP + row * (30 + GAP), GAP + column * (40 + GAP)) for row in range(2) for column in range(3)]
    cells = [sheet_[top : top + 30, left : left + 40] for top, left in corners]
    assert [np.unique(cell.reshape(-1, 3), axis=0).tolist() for cell in cells] == [*([[*c]] for c in COLOURS), [GROUND]]
    assert (sheet_[:, :GAP] == GROUND).all()
    assert (sheet_[-GAP:] == GROUND).all()


def test_grid_columns() -> None:
    pictures = [plain(30, 40)] * 5
    assert grid(pictures, columns=1, cell=(40, 30)).shape[:2] == (5 * 34 + GAP, 44 + GAP)
    assert grid(pictures, columns=5, cell=(40, 30)).shape[:2] == (34 + GAP, 5 * 44 + GAP)
    assert grid(pictures, columns=9, cell=(40, 30)).shape[:2] == (34 + GAP, 5 * 44 + GAP)  # no empty columns


@pytest.mark.parametrize(
    ("size", "rows", "columns"),
    [
        ((100, 200), (20, 60), (0, 80)),  # wide, shrunk to 40 x 80
        ((200, 100), (0, 80), (20, 60)),  # high
        ((10, 20), (20, 60), (0, 80)),  # enlarged
        ((80, 80), (0, 80), (0, 80)),
        ((1, 1000), (39, 40), (0, 80)),  # never thinner than a pixel
    ],
)
def test_grid_keeps_the_aspect_on_a_dark_ground(
    size: tuple[int, int], rows: tuple[int, int], columns: tuple[int, int]
) -> None:
    cell = grid([plain(*size, (200, 100, 50))], cell=(80, 80))[GAP:-GAP, GAP:-GAP]
    expected = np.zeros((80, 80), bool)
    expected[slice(*rows), slice(*columns)] = True
    assert np.array_equal(is_colour(cell, (200, 100, 50)), expected)
    assert (cell[~expected] == GROUND).all()


def test_a_grid_of_nothing() -> None:
    with pytest.raises(ValueError, match="a grid needs at least one image"):
        grid([])


def test_a_caption_stands_below_the_picture_on_the_dark_ground() -> None:
    image = plain(50, 120)
    captioned_ = captioned(image, "87 px")
    assert captioned_.shape == (50 + CAPTION, 120, 3)
    assert np.array_equal(captioned_[:50], image)
    assert captioned_[50:].max() > 200
    assert (captioned_[50:, 80:] == GROUND).all()
    assert (captioned_[[50, -1]] == GROUND).all()
    assert not np.array_equal(captioned_, captioned(image, "88 px"))


def test_a_caption_wider_than_the_picture_is_cut() -> None:
    wide, narrow = (
        captioned(plain(50, 300), "lost at R-Net with 0.43"),
        captioned(plain(50, 40), "lost at R-Net with 0.43"),
    )
    assert np.array_equal(narrow, wide[:, :40])


def patches(count: int, size: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


@pytest.mark.parametrize(("size", "factor"), [(12, 8), (24, 4), (48, 2), (96, 1), (20, 4), (150, 1)])
def test_sheet_enlarges_every_pixel(size: int, factor: int) -> None:
    (first, second) = pair = patches(2, size)
    image = sheet({"positive": pair})
    side = size * factor
    assert image.shape == (TITLE + side + 2 * GAP, 2 * side + 3 * GAP, 3)
    top = TITLE + GAP
    for patch, left in ((first, GAP), (second, side + 2 * GAP)):
        assert np.array_equal(image[top : top + side, left : left + side], np.kron(patch, np.ones((factor, factor, 1))))


def test_sheet_has_a_titled_block_a_label() -> None:
    rows = {"positive": patches(5, 24, 1), "part": patches(3, 24, 2), "negative": patches(0, 24)}
    image = sheet(rows, columns=3)
    block = 96 + GAP
    part = TITLE + 2 * block + GAP  # where the second block starts: five patches take two rows
    negative = part + TITLE + block + GAP
    assert image.shape == (negative + TITLE + GAP, 3 * block + GAP, 3)
    titles = [image[top : top + TITLE] for top in (0, part, negative)]
    for title in titles:
        assert title.max() > 200  # bright letters
        assert (title[:5] == GROUND).all()  # and room above them
    assert not np.array_equal(titles[0], titles[1])
    assert not np.array_equal(titles[1], titles[2])
    first_part = image[part + TITLE + GAP :][:96, GAP : GAP + 96]
    assert np.array_equal(first_part[::4, ::4], rows["part"][0])


def test_a_title_wider_than_its_patches_is_not_cut() -> None:
    title = "a long title: 1,234,567 patches"
    narrow, wide = sheet({title: patches(1, 12)}), sheet({title: patches(12, 12)})
    assert narrow.shape[1] < wide.shape[1]
    assert np.array_equal(narrow[:TITLE], wide[:TITLE, : narrow.shape[1]])
    assert (wide[:TITLE, narrow.shape[1] :] == GROUND).all()


def test_a_sheet_of_nothing() -> None:
    with pytest.raises(ValueError, match="a sheet needs at least one title"):
        sheet({})
