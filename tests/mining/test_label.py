from __future__ import annotations

import numpy as np
import pytest

from mtcnn_lit.mining import label
from mtcnn_lit.mining.label import LabelThresholds, label_crops
from mtcnn_lit.sources.base import Annotation, BoxArray, as_boxes
from tests.mining.pictures import Box, annotate

CROWD: list[Box] = [(100, 100, 140, 140), (120, 100, 160, 140)]


@pytest.mark.parametrize("faces", [CROWD, CROWD[::-1]])
@pytest.mark.parametrize(
    ("crop", "iou", "offsets"),
    [
        # 24 px to the left of the second face: 36 x 40 of 1760 px with it, but 24 x 40 of 2240 with the first.
        ((116, 100, 156, 140), 1440 / 1760, (0.1, 0, 0.1, 0)),
        ((104, 100, 144, 140), 1440 / 1760, (-0.1, 0, -0.1, 0)),
        ((100, 90, 150, 140), 1600 / 2500, (0, 0.2, -0.2, 0)),  # the whole first face and 30 x 40 of the second
        ((90, 80, 170, 160), 1600 / 6400, None),  # both faces, as good
        ((160, 100, 200, 140), 0, (0, 0, 0, 0)),  # touches the second at its side
    ],
)
def test_in_a_crowd_the_best_face_counts(faces: list[Box], crop: Box, iou: float, offsets: Box | None) -> None:
    labels = label_crops(as_boxes([crop]), annotate(*faces))
    assert labels.iou.tolist() == pytest.approx([iou])
    if offsets is not None:
        assert labels.offsets[0].tolist() == pytest.approx(offsets, abs=1e-6)


def test_offsets_are_shares_of_the_crop_side_by_side() -> None:
    labels = label_crops(as_boxes([(10, 20, 50, 100)]), annotate((14, 12, 40, 104)), squared_faces=False)
    assert labels.offsets[0].tolist() == pytest.approx([4 / 40, -8 / 80, -10 / 40, 4 / 80])
    assert labels.iou[0] == pytest.approx(26 * 80 / (40 * 80 + 26 * 12))


def test_offsets_lead_from_the_region_that_is_shown_but_the_crop_is_compared() -> None:
    """A crop of 40 px on a face, with a margin of 10 px on each side."""
    labels = label_crops(as_boxes([(10, 20, 50, 60)]), annotate((10, 20, 50, 60)), context=1.5)
    assert labels.iou.tolist() == [1]
    assert labels.offsets[0].tolist() == pytest.approx([10 / 60, 10 / 60, -10 / 60, -10 / 60])


@pytest.mark.parametrize(
    ("crop", "squared", "iou"),
    [
        ((90, 0, 130, 40), True, 1),  # the square around a face of 16 x 40 px
        ((90, 0, 130, 40), False, 16 / 40),
        ((102, 12, 118, 28), True, 16 / 40),  # within the face, which is the better match here
        ((102, 12, 118, 28), False, 16 / 40),
        ((98, 8, 122, 32), True, 24 * 16 / (24 * 24 + 16 * 40 - 24 * 16)),
    ],
)
def test_a_narrow_face_can_be_matched_by_a_square(crop: Box, squared: bool, iou: float) -> None:
    labels = label_crops(as_boxes([crop]), annotate((102, 0, 118, 40)), squared)
    assert labels.iou.tolist() == pytest.approx([iou])


@pytest.mark.parametrize(
    ("ignored", "kept"),
    [
        ([(0, 0, 4, 40)], True),  # 160 of 1600 px: exactly a tenth
        ([(0, 0, 4.1, 40)], False),
        ([(-100, -100, 4, 100)], True),  # only what lies in the crop counts
        ([(-100, -100, 400, 400)], False),
        ([(10, 10, 20, 20)], True),
        ([(0, 0, 4, 40), (36, 0, 40, 40)], True),  # by each box, not by their sum
        ([(0, 0, 4, 40), (20, 0, 40, 40)], False),
        ([(40, 0, 80, 40)], True),
        ([], True),
    ],
)
@pytest.mark.parametrize("faces", [[], [(0, 0, 40, 40)]])
def test_crops_on_an_ignored_box_are_dropped(ignored: list[Box], faces: list[Box], kept: bool) -> None:
    labels = label_crops(as_boxes([(0, 0, 40, 40)]), annotate(*faces, ignored=ignored))
    assert labels.kept.tolist() == [0] * kept
    assert labels.iou.tolist() == [len(faces)] * kept


def test_labels_belong_to_the_crops_that_are_kept() -> None:
    crops = as_boxes([(50, 0, 90, 40), (0, 0, 40, 40), (52, 0, 92, 40), (0, 50, 40, 90), (0, 54, 40, 94)])
    labels = label_crops(crops, annotate((0, 0, 40, 40), (0, 50, 40, 90), ignored=[(60, 0, 100, 40)]))
    assert labels.kept.tolist() == [1, 3, 4]
    assert labels.iou.tolist() == pytest.approx([1, 1, 36 / 44])
    assert labels.offsets.tolist() == [[0] * 4, [0] * 4, pytest.approx([0, -0.1, 0, -0.1])]


def test_a_picture_without_faces() -> None:
    labels = label_crops(as_boxes([(0, 0, 40, 40), (-9, -9, 3, 3)]), annotate())
    assert labels.kept.tolist() == [0, 1]
    assert labels.iou.tolist() == [0, 0]
    assert labels.offsets.tolist() == [[0] * 4] * 2


@pytest.mark.parametrize("faces", [[], CROWD])
def test_no_crops(faces: list[Box]) -> None:
    kept, iou, offsets = label_crops(as_boxes([]), annotate(*faces, ignored=CROWD))
    assert (kept.shape, iou.shape, offsets.shape) == ((0,), (0,), (0, 4))


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_in_a_large_crowd_each_crop_is_compared_with_every_face(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    rng = np.random.default_rng(0)
    corners, sides = rng.uniform(0, 400, (150, 2)), rng.choice([9, 20, 60, 200], (150, 1))
    crops = np.hstack([corners, corners + sides]).astype(np.float32)
    faces, ignored = random_boxes(60, rng), random_boxes(10, rng)
    monkeypatch.setattr(label, "_CHUNK", chunk)
    labels = label_crops(crops, Annotation("crowd", faces, ignored))
    expected = [pair_iou(crop, face) for crop in crops for face in (*faces, *map(around, faces))]
    best = np.array(expected).reshape(len(crops), 2, len(faces)).max(axis=1)
    free = [all(shared(crop, box) <= 0.1 * shared(crop, crop) for box in ignored) for crop in crops]
    assert labels.kept.tolist() == np.flatnonzero(free).tolist()
    assert 20 < len(labels.kept) < 130
    assert labels.iou == pytest.approx(best.max(axis=1)[free], abs=1e-5)
    sizes = np.tile(sides, 4)
    nearest = ((faces[best.argmax(axis=1)] - crops) / sizes * (best.max(axis=1) > 0)[:, None])[free]
    assert labels.offsets == pytest.approx(nearest, abs=1e-5)


def random_boxes(count: int, rng: np.random.Generator) -> BoxArray:
    corners = rng.uniform(0, 400, (count, 2))
    return np.hstack([corners, corners + rng.uniform(8, 80, (count, 2))]).astype(np.float32)


def around(box: BoxArray) -> BoxArray:
    """The square around a box."""
    centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]).max() / 2
    return np.hstack([centre - half, centre + half])


def shared(a: BoxArray, b: BoxArray) -> float:
    return float(np.prod((np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])).clip(0)))


def pair_iou(a: BoxArray, b: BoxArray) -> float:
    return shared(a, b) / (shared(a, a) + shared(b, b) - shared(a, b))


def test_an_iou_at_the_limit_belongs_to_the_better_kind() -> None:
    limits = np.array([0.65, 0.4, 0.3], np.float32)
    iou = np.concatenate([[1], limits, np.nextafter(limits, np.float32(0)), [0]]).astype(np.float32)
    positive, part, negative = LabelThresholds().masks(iou)
    #                                 1  .65 .4 .3   just below these   0
    assert positive.astype(int).tolist() == [1, 1, 0, 0, 0, 0, 0, 0]
    assert part.astype(int).tolist() == [0, 0, 1, 0, 1, 0, 0, 0]
    assert negative.astype(int).tolist() == [0, 0, 0, 0, 0, 0, 1, 1]


@pytest.mark.parametrize("limits", [(0.4, 0.65, 0.3), (0.65, 0.3, 0.4), (1.1, 0.4, 0.3), (0.65, 0.4, -0.1)])
def test_thresholds_out_of_order(limits: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="0 <= negative <= part <= positive <= 1, not LabelThresholds"):
        LabelThresholds(*limits)


def test_thresholds_may_coincide() -> None:
    assert [mask.tolist() for mask in LabelThresholds(0.5, 0.5, 0.5).masks(np.array([0.5], np.float32))] == [
        [True],
        [False],
        [False],
    ]
