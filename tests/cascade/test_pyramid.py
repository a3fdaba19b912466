from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcnn_lit.cascade import Pyramid, pyramid_scales
from mtcnn_lit.images import Image


def smooth_picture(height: int = 200, width: int = 300) -> Image:
    """Waves longer than any shrinking in these tests smooths away, of another direction in each channel."""
    y, x = np.mgrid[:height, :width] + 0.5
    waves = [np.sin(x / 40), np.sin(y / 35), np.sin((x + y) / 50)]
    return np.round(128 + 90 * np.stack(waves, axis=2)).astype(np.uint8)


def noise(height: int, width: int) -> Image:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def boxes(*rows: tuple[float, float, float, float]) -> npt.NDArray[np.float32]:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


def levels_apart(a: Image, b: Image) -> int:
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def slow_crop(image: Image, box: tuple[float, float, float, float], size: int) -> Image:
    """One crop, pixel by pixel: the mean of 8 x 8 bilinear samples within each; black where its centre is outside."""
    height, width = image.shape[:2]
    crop = np.zeros((size, size, 3))
    step_x, step_y = (box[2] - box[0]) / size, (box[3] - box[1]) / size
    for row in range(size):
        for column in range(size):
            if not (0 <= box[0] + (column + 0.5) * step_x <= width and 0 <= box[1] + (row + 0.5) * step_y <= height):
                continue
            fractions = (np.arange(8) + 0.5) / 8
            x = np.clip(box[0] + (column + fractions) * step_x - 0.5, 0, width - 1)
            y = np.clip(box[1] + (row + fractions) * step_y - 0.5, 0, height - 1)
            left, top = np.minimum(x.astype(int), width - 2), np.minimum(y.astype(int), height - 2)
            a, b = (x - left)[None, :, None], (y - top)[:, None, None]
            corners = [image[np.ix_(top + i, left + j)] * weight for i, j, weight in (
                (0, 0, (1 - a) * (1 - b)), (0, 1, a * (1 - b)), (1, 0, (1 - a) * b), (1, 1, a * b)
            )]  # fmt: skip
            crop[row, column] = sum(corners).mean(axis=(0, 1))
    return np.round(crop).astype(np.uint8)


@pytest.mark.parametrize("size", [12, 24, 48])
@pytest.mark.parametrize(
    "box",
    [
        (50, 40, 62, 52),  # as large as P-Net's window
        (50.3, 40.8, 70.1, 60.6),  # between pixels
        (100, 20, 230, 150),  # shrunk by up to 11
        (7.5, 3.25, 15.5, 11.25),  # enlarged
        (40, 60, 140, 90),  # no square
        (0, 0, 100, 100),  # in the corner of the picture
        (200, 100, 300, 200),  # in the other one
    ],
)
def test_crops_equal_a_slow_reference(box: tuple[float, float, float, float], size: int) -> None:
    picture = smooth_picture()
    (crop,) = Pyramid(picture).crops(boxes(box), size)
    assert levels_apart(crop, slow_crop(picture, box, size)) <= 2


@settings(max_examples=60)
@given(x=st.floats(-80, 300), y=st.floats(-80, 200), side=st.floats(5, 180))
def test_crops_that_leave_the_picture_equal_the_slow_reference(x: float, y: float, side: float) -> None:
    (box,) = boxes((x, y, x + side, y + side))
    (crop,) = Pyramid(smooth_picture()).crops(box[None], 12)
    expected = slow_crop(smooth_picture(), tuple(box.astype(float).tolist()), 12)
    step, centres = side / 12, (np.arange(12) + 0.5) / 12 * side
    to_border = np.minimum.outer(
        np.minimum(abs(y + centres), abs(y + centres - 200)), np.minimum(abs(x + centres), abs(x + centres - 300))
    )
    difference = np.abs(crop.astype(int) - expected.astype(int)).max(axis=2)
    assert difference[to_border > 1.5 * step].max(initial=0) <= 2
    # The border cuts through these; exactly on it, rounding decides whether a pixel is black.
    assert difference[to_border > 1e-3].max(initial=0) <= 12


def test_a_crop_at_scale_1_is_the_picture_itself() -> None:
    picture = noise(60, 80)
    crops = Pyramid(picture).crops(boxes((0, 0, 24, 24), (17, 9, 41, 33), (56, 36, 80, 60)), 24)
    assert np.array_equal(crops, [picture[:24, :24], picture[9:33, 17:41], picture[36:, 56:]])


def test_crops_may_be_large() -> None:
    picture = noise(300, 400)
    crops = Pyramid(picture).crops(boxes((0, 0, 256, 256), (144, 44, 400, 300)), 256)
    assert np.array_equal(crops, [picture[:256, :256], picture[44:, 144:]])


def test_octaves_of_odd_sides_lie_on_the_picture() -> None:
    """A dot far from the corner stays in its place, also where three halvings have rounded the sides up."""
    picture = np.zeros((199, 301, 3), np.uint8)
    picture[160:168, 240:248] = 240
    (crop,) = Pyramid(picture).crops(boxes((192, 112, 288, 208)), 12)
    assert (crop[6, 6] == 240).all()
    crop[6, 6] = 0
    assert not crop.any()


def test_a_crop_of_two_pixels_each_is_their_mean() -> None:
    picture = noise(64, 64)
    (crop,) = Pyramid(picture).crops(boxes((8, 16, 32, 40)), 12)
    means = picture[16:40, 8:32].reshape(12, 2, 12, 2, 3).mean(axis=(1, 3))
    assert np.abs(crop - means).max() <= 0.5


def test_black_beyond_the_border_and_the_inside_untouched() -> None:
    picture = noise(40, 50)
    crops = Pyramid(picture).crops(boxes((-5, -7, 19, 17), (38, 30, 62, 54)), 24)
    expected = np.zeros((2, 24, 24, 3), np.uint8)
    expected[0, 7:, 5:] = picture[:17, :19]
    expected[1, :10, :12] = picture[30:, 38:]
    assert np.array_equal(crops, expected)


def test_a_crop_far_outside_is_black() -> None:
    picture = np.full((40, 50, 3), 200, np.uint8)
    crops = Pyramid(picture).crops(boxes((-300, -300, -200, -200), (1e6, 5, 1e6 + 30, 35), (60, 0, 84, 24)), 24)
    assert not crops.any()


def test_many_crops_in_one_call_equal_single_ones() -> None:
    """Also 1,365 crops of 48 px: half of them is more than one call of OpenCV can address."""
    pyramid = Pyramid(noise(120, 160))
    corners = np.random.default_rng(1).uniform(-20, 130, (1365, 2))
    sides = np.random.default_rng(2).uniform(10, 90, (1365, 1))  # all sampled from one octave
    many = np.hstack([corners, corners + sides]).astype(np.float32)
    crops = pyramid.crops(many, 48)
    for index in (0, 1, 681, 682, 683, 1364):
        assert np.array_equal(crops[index], pyramid.crops(many[index : index + 1], 48)[0])


def test_crops_of_all_sizes_in_one_call_equal_single_ones() -> None:
    """In no order, from every octave, and some beyond the border."""
    pyramid, rng = Pyramid(noise(120, 160)), np.random.default_rng(3)
    corners, sides = rng.uniform(-20, 130, (40, 2)), np.exp2(rng.uniform(2, 8, (40, 1)))
    many = np.hstack([corners, corners + sides]).astype(np.float32)
    crops = pyramid.crops(many, 12)
    for index in range(40):
        assert np.array_equal(crops[index], pyramid.crops(many[index : index + 1], 12)[0])


def test_no_crops() -> None:
    assert Pyramid(noise(10, 10)).crops(boxes(), 24).shape == (0, 24, 24, 3)


@pytest.mark.parametrize("size", [(200, 300), (203, 301)])
@pytest.mark.parametrize("scale", [1.0, 0.6, 0.5, 0.3, 0.171, 0.1])
def test_windows_of_a_level_equal_crops_of_the_same_regions(scale: float, size: tuple[int, int]) -> None:
    """P-Net must see in detection what it was trained on."""
    pyramid = Pyramid(smooth_picture(*size))
    level = pyramid.level(scale)
    scale_x, scale_y = pyramid.true_scale(scale)
    corners = [(x, y) for x in range(0, level.shape[1] - 11, 2) for y in range(0, level.shape[0] - 11, 2)][::7]
    regions = [(x / scale_x, y / scale_y, (x + 12) / scale_x, (y + 12) / scale_y) for x, y in corners]
    windows = np.stack([level[y : y + 12, x : x + 12] for x, y in corners])
    assert levels_apart(pyramid.crops(boxes(*regions), 12), windows) <= 2


def test_a_level_has_no_aliasing() -> None:
    """Stripes one pixel wide become grey; a picture sampled too coarsely would show stripes of another width."""
    stripes = np.zeros((256, 256, 3), np.uint8)
    stripes[:, ::2] = 255
    pyramid = Pyramid(stripes)
    for scale in (0.5, 0.25, 0.2, 0.13):
        assert levels_apart(pyramid.level(scale), np.full_like(pyramid.level(scale), 128)) <= 2
    assert levels_apart(pyramid.crops(boxes((0, 0, 240, 240)), 12), np.full((1, 12, 12, 3), 128, np.uint8)) <= 2


def test_the_level_at_scale_1_is_the_picture_itself() -> None:
    picture = noise(31, 47)
    assert np.array_equal(Pyramid(picture).level(1), picture)


@pytest.mark.parametrize(
    ("scale", "shape"),
    [(1, (101, 55, 3)), (0.5, (50, 28, 3)), (0.31, (31, 17, 3)), (2, (202, 110, 3)), (0.001, (1, 1, 3))],
)
def test_level_sizes(scale: float, shape: tuple[int, int, int]) -> None:
    assert Pyramid(noise(101, 55)).level(scale).shape == shape


@pytest.mark.parametrize("size", [(100, 140), (37, 53), (1, 1), (1, 50), (50, 1), (3, 2)])
def test_a_constant_picture_stays_constant_at_every_octave(size: tuple[int, int]) -> None:
    pyramid = Pyramid(np.full((*size, 3), (10, 120, 250), np.uint8))
    for scale in (2, 1, 0.7, 0.5, 0.26, 0.12, 0.06, 0.03, 0.01):
        assert (pyramid.level(scale) == (10, 120, 250)).all()
    inside = boxes((0, 0, size[1], size[0]), (size[1] / 4, size[0] / 4, size[1] / 2, size[0] / 2))
    for side in (1, 2, 12, 48):
        assert (pyramid.crops(inside, side) == (10, 120, 250)).all()


def test_a_picture_of_one_pixel() -> None:
    pyramid = Pyramid(np.full((1, 1, 3), 77, np.uint8))
    (crop,) = pyramid.crops(boxes((-1, -1, 2, 2)), 3)
    assert crop[..., 0].tolist() == [[0, 0, 0], [0, 77, 0], [0, 0, 0]]


def test_a_panorama_longer_than_opencv_can_address() -> None:
    panorama = np.zeros((16, 40_000, 3), np.uint8)
    panorama[:, 39_000:] = 150
    crops = Pyramid(panorama).crops(boxes((39_500, 0, 39_512, 12), (500, 0, 512, 12)), 12)
    assert (crops[0] == 150).all()
    assert not crops[1].any()


@pytest.mark.parametrize(
    ("height", "width", "min_face_size", "factor", "expected"),
    [
        (100, 200, 20, 0.5, [0.6, 0.3, 0.15]),  # 60, 30, 15 px high; 7.5 would be below the window
        (300, 80, 40, 0.709, [0.3, 0.2127, 0.1508043]),  # 24, 17.0, 12.06 px wide
        (48, 48, 12, 0.5, [1, 0.5, 0.25]),  # down to exactly the window
        (60, 60, 10, 0.5, [1.2, 0.6, 0.3]),  # enlarged for faces below the window
        (20, 500, 20, 0.709, [0.6]),
        (47, 47, 47, 0.709, [12 / 47]),  # 12 / 47 * 47 is a little below 12 in floating point
        (19, 500, 20, 0.709, []),  # 11.4 px high
        (1, 1, 20, 0.709, []),
    ],
)
def test_pyramid_scales(height: int, width: int, min_face_size: float, factor: float, expected: list[float]) -> None:
    assert list(pyramid_scales(height, width, 12, min_face_size, factor)) == pytest.approx(expected)


@given(
    st.integers(1, 3000), st.integers(1, 3000), st.floats(5, 300), st.floats(0.3, 0.95), st.sampled_from([8, 12, 16])
)
def test_the_window_fits_in_every_level(height: int, width: int, face: float, factor: float, window: int) -> None:
    for scale in pyramid_scales(height, width, window, face, factor):
        assert min(round(height * scale), round(width * scale)) >= window
