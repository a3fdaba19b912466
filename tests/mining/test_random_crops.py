from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from mtcnn_lit.cascade import Pyramid
from mtcnn_lit.mining.label import LabelThresholds, label_crops
from mtcnn_lit.mining.random_crops import (
    RandomCrops,
    choose_faces,
    cut,
    jittered_squares,
    overlapping_squares,
    random_squares,
)
from mtcnn_lit.mining.store import Origin
from mtcnn_lit.sources.base import as_boxes
from tests.mining.pictures import Box, annotate, noise

MINER = RandomCrops(random_per_image=7, jittered_per_face=5, overlapping_per_face=3)
FACES: list[Box] = [(10, 20, 40, 50), (60, 30, 110, 80)]


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def sizes(crops: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The sides of squares."""
    assert np.allclose(crops[:, 2] - crops[:, 0], crops[:, 3] - crops[:, 1], atol=1e-3)
    return crops[:, 2] - crops[:, 0]


def centres(crops: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (crops[:, :2] + crops[:, 2:]) / 2


def test_crops_follow_from_the_picture_its_index_and_the_seed() -> None:
    image, faces = noise(100, 120), annotate(*FACES)
    first, again = MINER(image, faces, 3), MINER(image, faces, 3)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    for other in (MINER(image, faces, 4), replace(MINER, seed=1)(image, faces, 3)):
        assert not np.isin(first.iou[first.iou > 0], other.iou).any()
        assert not np.array_equal(first.pixels, other.pixels)


def test_numbers_of_crops_and_where_they_come_from() -> None:
    patches = MINER(noise(100, 120), annotate(*FACES), 6)
    assert patches.pixels.shape == (7 + 2 * (5 + 3), 12, 12, 3)
    assert patches.image.tolist() == [6] * 23
    assert patches.origin.tolist() == [Origin.RANDOM] * (7 + 2 * 3) + [Origin.JITTER] * (2 * 5)
    only_random = replace(MINER, jittered_per_face=0)(noise(100, 120), annotate(*FACES), 6)
    assert only_random.origin.tolist() == [Origin.RANDOM] * (7 + 2 * 3)


def test_faces_that_are_not_drawn_count_all_the_same() -> None:
    """Random crops of 90 px and more in a picture of 100 px, all of which is a face that gets no crops of its own."""
    miner = replace(MINER, most_faces=0, min_size=90)
    patches = miner(noise(100, 100), annotate((0, 0, 100, 100)), 0)
    assert patches.origin.tolist() == [Origin.RANDOM] * 7
    assert patches.iou.min() >= 90**2 / 100**2


def test_narrow_faces_are_matched_by_the_squares_around_them_unless_told_otherwise() -> None:
    narrow = annotate((40, 20, 54, 80))  # squares of 29 px have the best IoU, .318
    squared = replace(MINER, jittered_per_face=100)(noise(100, 120), narrow, 0)
    plain = replace(MINER, jittered_per_face=100, squared_faces=False)(noise(100, 120), narrow, 0)
    assert squared.iou.max() > 0.65
    assert 0.3 < plain.iou.max() < 0.32


def test_no_crop_near_a_face_is_below_the_smallest() -> None:
    miner = replace(MINER, random_per_image=0, jittered_per_face=0, overlapping_per_face=100, min_size=24)
    patches = miner(noise(100, 120), annotate((10, 20, 40, 50)), 0)
    relative = patches.offsets[patches.iou > 0]
    sides = 30 / (1 + relative[:, 2] - relative[:, 0])  # of crops, by where they say that the face of 30 px is
    assert len(sides) > 50
    assert 24 - 1e-3 <= sides.min() < 25


def test_cut_labels_drops_and_samples() -> None:
    image = noise(100, 120)
    crops = as_boxes([(4, 8, 16, 20), (60, 60, 90, 90), (40, 30, 52, 42)])
    origin = np.array([Origin.RANDOM, Origin.CASCADE, Origin.JITTER], np.uint8)
    crowd = annotate((40, 30, 46, 42), (43, 30, 52, 42), ignored=[(70, 70, 80, 90)])
    patches = cut(Pyramid(image), crops, origin, 12, crowd, 6)
    assert np.array_equal(patches.pixels, [image[8:20, 4:16], image[30:42, 40:52]])
    assert patches.iou.tolist() == pytest.approx([0, 126 / 162])  # with the square around the second face
    assert patches.offsets.tolist() == [[0, 0, 0, 0], [0.25, 0, 0, 0]]
    assert patches.image.tolist() == [6, 6]
    assert patches.origin.tolist() == [Origin.RANDOM, Origin.JITTER]


def test_jittered_squares_stay_near_their_face() -> None:
    crops = jittered_squares(as_boxes([(100, 50, 140, 110)]), 2000, rng())  # 40 x 60
    assert 32 <= sizes(crops).min() < 33
    assert 74 < sizes(crops).max() <= 75
    shift = np.abs(centres(crops) - [120, 80]).max(axis=0)
    assert 7.9 < shift[0] <= 8.001
    assert 11.9 < shift[1] <= 12.001


def test_jittered_squares_of_a_square_face_are_positives_and_parts() -> None:
    face = (100, 50, 140, 90)
    iou = label_crops(jittered_squares(as_boxes([face]), 2000, rng()), annotate(face)).iou
    # The worst: 32 px, off by 8 on both axes, which is 28 x 28 of 1840 px.
    assert 784 / 1840 <= iou.min() < 0.45
    assert iou.max() > 0.95
    positive, part, _ = LabelThresholds().masks(iou)
    assert (positive | part).all()
    assert 0.2 < positive.mean() < 0.8


def test_jittered_squares_keep_the_order_of_the_faces() -> None:
    crops = jittered_squares(as_boxes([(0, 0, 20, 20), (500, 500, 540, 540)]), 3, rng())
    assert (centres(crops) > 250).all(axis=1).tolist() == [False] * 3 + [True] * 3


def test_overlapping_squares_lie_around_their_face() -> None:
    crops = overlapping_squares(as_boxes([(100, 50, 130, 90)]), 2000, 25, rng())  # 30 x 40
    assert sizes(crops).min() == pytest.approx(25)  # half of the face would be 20
    assert 78 < sizes(crops).max() <= 80.001
    shift = np.abs(centres(crops) - [115, 70]).max(axis=0)
    assert (shift > 39).all()
    assert (shift <= 40.001).all()
    negative = LabelThresholds().masks(label_crops(crops, annotate((100, 50, 130, 90))).iou)[2]
    assert 0.5 < negative.mean() < 1


def test_random_squares_lie_in_the_picture_as_many_of_each_octave() -> None:
    crops = random_squares(4000, 192, 400, 12, rng())
    assert (crops >= -1e-3).all()
    assert (crops <= np.array([400, 192, 400, 192]) + 1e-3).all()
    counts, _ = np.histogram(sizes(crops), [12, 24, 48, 96, 192.001])
    assert counts.sum() == 4000
    assert (np.abs(counts - 1000) < 100).all()


def test_a_picture_smaller_than_the_smallest_crop_gives_all_of_itself() -> None:
    assert random_squares(3, 8, 8, 12, rng()).tolist() == [pytest.approx([0, 0, 8, 8])] * 3
    assert MINER(noise(1, 1), annotate(), 0).pixels.shape == (7, 12, 12, 3)


def test_a_picture_filled_by_a_face_has_no_negatives_of_its_size() -> None:
    """No crop of 60 px and more is background: mining gives what there is and ends."""
    miner = replace(MINER, min_size=60, random_per_image=500, overlapping_per_face=0)
    patches = miner(noise(100, 100), annotate((0, 0, 100, 100)), 0)
    assert len(patches.iou) == 505
    assert 60**2 / 100**2 <= patches.iou.min() < 0.4
    assert not LabelThresholds().masks(patches.iou)[2].any()


@pytest.mark.parametrize("face", [(0, 0, 40, 40), (80, 60, 120, 100), (0, 60, 40, 100), (40, 0, 80, 40)])
def test_faces_at_the_border_count_and_what_lies_beyond_it_is_black(face: Box) -> None:
    white = np.full((100, 120, 3), 255, np.uint8)
    miner = replace(MINER, random_per_image=0, overlapping_per_face=0, jittered_per_face=100)
    patches = miner(white, annotate(face), 0)
    assert len(patches.iou) == 100
    assert patches.iou.min() >= 784 / 1840
    # Where the offsets say that the crop is, in pixels of the picture.
    relative = patches.offsets + np.array([0, 0, 1, 1])
    side = 40 / (relative[:, 2] - relative[:, 0])
    left, top = face[0] - relative[:, 0] * side, face[1] - relative[:, 1] * side
    steps = (np.arange(12) + 0.5) / 12 * side[:, None]
    x, y = left[:, None] + steps, top[:, None] + steps
    inside = ((y > 0) & (y < 100))[:, :, None] & ((x > 0) & (x < 120))[:, None, :]
    assert inside.any()
    assert not inside.all()
    wrong = (patches.pixels[..., 0] != np.where(inside, 255, 0)).sum()
    assert wrong <= 0.01 * inside.size  # rounding decides for a pixel on the border itself


def test_a_crowd_does_not_drown_the_rest() -> None:
    crowd = annotate(*[(x, 10, x + 20, 30) for x in range(0, 180, 20)])
    assert len(crowd.faces) == 9
    assert len(replace(MINER, most_faces=4)(noise(40, 200), crowd, 0).iou) == 7 + 4 * (5 + 3)
    assert len(replace(MINER, most_faces=9)(noise(40, 200), crowd, 0).iou) == 7 + 9 * (5 + 3)


def test_faces_are_drawn_at_random_and_none_twice() -> None:
    faces = as_boxes([(x, 0, x + 10, 10) for x in range(50)])
    chosen = [choose_faces(faces, 5, np.random.default_rng(seed))[:, 0].tolist() for seed in range(20)]
    assert all(len(set(xs)) == 5 for xs in chosen)
    assert len({tuple(xs) for xs in chosen}) == 20
    assert choose_faces(faces, 50, rng()).tolist() == faces.tolist()


def test_nothing_is_cut_where_all_is_ignored() -> None:
    patches = MINER(noise(100, 120), annotate(*FACES, ignored=[(-200, -200, 400, 400)]), 0)
    assert [column.shape for column in patches] == [(0, 12, 12, 3), (0,), (0, 4), (0,), (0,)]


def test_no_faces() -> None:
    patches = MINER(noise(100, 120), annotate(), 0)
    assert patches.iou.tolist() == [0] * 7
    assert patches.origin.tolist() == [Origin.RANDOM] * 7


def test_every_setting_is_part_of_the_identity() -> None:
    assert RandomCrops().identity() == {
        "miner": "RandomCrops",
        "size": 12,
        "random_per_image": 50,
        "jittered_per_face": 20,
        "overlapping_per_face": 5,
        "most_faces": 100,
        "min_size": 12,
        "squared_faces": True,
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("size", 0, "size must be a whole number, 1 or more, not 0"),
        ("jittered_per_face", -1, "jittered_per_face must be a whole number, 0 or more, not -1"),
        ("random_per_image", 2.5, "random_per_image must be a whole number, 0 or more, not 2.5"),
        ("seed", -1, "seed must be a whole number, 0 or more, not -1"),
        ("min_size", 0, "min_size must be above 0, not 0"),
    ],
)
def test_settings_without_sense_are_refused_before_mining(name: str, value: float, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        replace(MINER, **{name: value})
