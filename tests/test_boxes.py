from __future__ import annotations

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from mtcnn_lit import boxes

Box = tuple[float, float, float, float]


def tensor(*rows: Box) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


EMPTY = tensor()

# Whole and quarter pixels, so that the arithmetic in float32 is exact and ties of overlap do occur.
coordinate = st.integers(-200, 200).map(lambda quarters: quarters / 4)
side = st.integers(1, 200).map(lambda quarters: quarters / 4)
box = st.tuples(coordinate, coordinate, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
box_lists = st.lists(box, max_size=20)


def iou_by_hand(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0) * max(height, 0)
    areas = [max(x2 - x1, 0) * max(y2 - y1, 0) for x1, y1, x2, y2 in (a, b)]
    union = sum(areas) - shared
    return shared / union if union > 0 else 0.0


def nms_by_hand(rows: list[Box], scores: list[float], threshold: float) -> list[int]:
    kept: list[int] = []
    for i in sorted(range(len(rows)), key=lambda i: -scores[i]):  # sorted() is stable
        if all(iou_by_hand(rows[i], rows[k]) <= threshold for k in kept):
            kept.append(i)
    return kept


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0, 0, 10, 10), (0, 0, 10, 10), 1.0),  # the same box
        ((0, 0, 10, 10), (5, 0, 15, 10), 1 / 3),  # half of each
        ((0, 0, 10, 10), (5, 5, 15, 15), 25 / 175),  # a corner
        ((0, 0, 10, 10), (2, 2, 4, 4), 4 / 100),  # one inside the other
        ((0, 0, 4, 10), (0, 0, 10, 4), 16 / 64),  # a cross
        ((0, 0, 10, 10), (10, 0, 20, 10), 0.0),  # sides touch: no shared pixel
        ((0, 0, 10, 10), (30, 30, 40, 40), 0.0),  # apart on both axes: two negatives make no positive
        ((-10, -10, 0, 0), (-5, -5, 5, 5), 25 / 175),  # beyond the picture
        ((5, 5, 5, 5), (0, 0, 10, 10), 0.0),  # a point
        ((8, 8, 2, 2), (0, 0, 10, 10), 0.0),  # inverted
        ((0, 0, 0.5, 0.5), (0, 0, 1, 0.5), 1 / 2),  # below a pixel
    ],
)
def test_iou_of_hand_drawn_boxes(a: Box, b: Box, expected: float) -> None:
    assert boxes.iou(tensor(a), tensor(b)).item() == pytest.approx(expected)
    assert boxes.iou(tensor(b), tensor(a)).item() == pytest.approx(expected)


def test_iou_compares_each_with_each() -> None:
    a = tensor((0, 0, 2, 2), (2, 2, 4, 4))
    b = tensor((0, 0, 2, 2), (1, 0, 3, 2), (3, 3, 4, 4))
    assert_close(boxes.iou(a, b), torch.tensor([[1, 1 / 3, 0], [0, 0, 0.25]]))
    assert_close(boxes.intersection(a, b), torch.tensor([[4.0, 2, 0], [0, 0, 1]]))


def test_area_counts_inverted_boxes_as_empty() -> None:
    assert boxes.area(tensor((1, 2, 4, 6), (0, 0, 0, 5), (4, 4, 2, 2), (0, 3, 5, 1))).tolist() == [12, 0, 0, 0]


def test_coverage_is_the_share_of_the_box() -> None:
    rows = tensor((0, 0, 10, 10), (0, 0, 10, 10), (50, 50, 60, 60), (3, 3, 3, 9))
    regions = tensor((0, 0, 100, 5), (0, 0, 10, 8), (200, 200, 201, 201))
    assert_close(boxes.coverage(rows[:3], regions[:1]), torch.tensor([0.5, 0.5, 0.0]))
    assert_close(boxes.coverage(rows, regions), torch.tensor([0.8, 0.8, 0.0, 0.0]))  # the largest, not the sum


@settings(max_examples=200)
@given(box_lists, st.randoms(use_true_random=False), st.sampled_from([0.0, 0.3, 0.5, 0.7]))
def test_nms_equals_a_slow_reference(rows: list[Box], random, threshold: float) -> None:
    # Where rounding decides, the two may differ; at 0 nothing is rounded.
    near = (boxes.iou(tensor(*rows), tensor(*rows)) - threshold).abs()
    assume(not ((near < 1e-6) & (threshold > 0)).any())
    scores = [random.choice([0.1, 0.5, 0.5, 0.9, random.random()]) for _ in rows]  # many ties
    kept = boxes.nms(tensor(*rows), torch.tensor(scores), threshold)
    assert kept.tolist() == nms_by_hand(rows, torch.tensor(scores).tolist(), threshold)


def test_nms_of_a_crowd_larger_than_its_blocks() -> None:
    generator = torch.Generator().manual_seed(7)
    corners = torch.randint(0, 240, (1300, 2), generator=generator)
    crowd = torch.cat([corners, corners + torch.randint(8, 40, (1300, 2), generator=generator)], dim=1).float()
    scores = torch.randint(0, 60, (1300,), generator=generator) / 60
    expected = nms_by_hand([tuple(row) for row in crowd.tolist()], scores.tolist(), 0.5)
    assert 50 < len(expected) < 1250  # boxes of all blocks stay, and many go
    assert boxes.nms(crowd, scores, 0.5).tolist() == expected


def test_nms_keeps_a_box_whose_suppressor_went() -> None:
    chain = tensor((0, 0, 10, 10), (4, 0, 14, 10), (8, 0, 18, 10), (12, 0, 22, 10))  # each overlaps the next: IoU 6/14
    assert boxes.nms(chain, torch.tensor([0.9, 0.8, 0.7, 0.6]), 0.4).tolist() == [0, 2]
    assert boxes.nms(chain, torch.tensor([0.8, 0.9, 0.6, 0.7]), 0.4).tolist() == [1, 3]


def test_nms_lets_an_overlap_equal_to_the_threshold_pass() -> None:
    pair = tensor((0, 0, 10, 10), (0, 0, 10, 5))  # IoU exactly 1/2
    assert boxes.nms(pair, torch.tensor([0.5, 0.9]), 0.5).tolist() == [1, 0]
    assert boxes.nms(pair, torch.tensor([0.5, 0.9]), 0.49).tolist() == [1]


def test_nms_orders_equal_scores_as_given() -> None:
    apart = tensor(*[(i * 20, 0, i * 20 + 10, 10) for i in range(5)])
    assert boxes.nms(apart, torch.tensor([0.5, 0.9, 0.5, 0.9, 0.5]), 0.5).tolist() == [1, 3, 0, 2, 4]


def test_overlapping_boxes_are_counted_without_those_at_the_threshold() -> None:
    some = torch.tensor([(0.0, 0, 12, 12), (50, 50, 60, 60), (0, 0, 0, 0)])
    others = torch.tensor([(0.0, 0, 12, 12), (4, 0, 16, 12), (3, 0, 15, 12)])  # of the first: 1, exactly .5, and .6
    assert boxes.count_overlapping(some, others, 0.5).tolist() == [2, 0, 0]
    assert boxes.count_overlapping(some[:0], others, 0.5).tolist() == []
    assert boxes.count_overlapping(some, others[:0], 0.5).tolist() == [0, 0, 0]


def test_counts_of_a_crowd_larger_than_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    crowd = torch.tensor([(float(x), 0, x + 10.0, 10) for x in range(0, 500, 5)])  # neighbours share a third
    monkeypatch.setattr(boxes, "_NMS_BLOCK", 7)
    assert boxes.count_overlapping(crowd, crowd, 0.3).tolist() == [2, *[3] * 98, 2]


def test_encode_of_a_hand_drawn_pair() -> None:
    crop, face = tensor((10, 20, 30, 60)), tensor((12, 16, 29, 70))
    assert_close(boxes.encode(crop, face), tensor((0.1, -0.1, -0.05, 0.25)))
    assert_close(boxes.decode(crop, tensor((0.1, -0.1, -0.05, 0.25))), face)


@given(st.lists(st.tuples(box, box), max_size=10))
def test_decode_undoes_encode(pairs: list[tuple[Box, Box]]) -> None:
    crops, faces = tensor(*[crop for crop, _ in pairs]), tensor(*[face for _, face in pairs])
    assert_close(boxes.decode(crops, boxes.encode(crops, faces)), faces, atol=1e-3, rtol=1e-5)


def test_widened_boxes_keep_their_centres() -> None:
    wide = boxes.widen(torch.tensor([[10.0, 20.0, 30.0, 24.0], [-4.0, 0.0, 4.0, 8.0]]), 1.5)
    torch.testing.assert_close(wide, torch.tensor([[5.0, 19.0, 35.0, 25.0], [-6.0, -2.0, 6.0, 10.0]]))


def test_mirrored_offsets_lead_to_the_mirrored_face() -> None:
    crop = torch.tensor([[0.0, 0.0, 10.0, 10.0]])
    face, turned = torch.tensor([[1.0, 2.0, 6.0, 9.0]]), torch.tensor([[4.0, 2.0, 9.0, 9.0]])
    torch.testing.assert_close(boxes.mirror(boxes.encode(crop, face)), boxes.encode(crop, turned))


def test_square_of_hand_drawn_boxes() -> None:
    assert boxes.square(tensor((0, 0, 10, 4), (2, 0, 4, 10), (1, 1, 3, 3))).tolist() == [
        [0, -3, 10, 7],
        [-2, 0, 8, 10],
        [1, 1, 3, 3],
    ]


@given(box_lists)
def test_a_square_holds_its_box_about_the_same_centre(rows: list[Box]) -> None:
    given_boxes = tensor(*rows)
    squares = boxes.square(given_boxes)
    sides = squares[:, 2:] - squares[:, :2]
    assert_close(sides[:, 0], sides[:, 1])
    assert_close(sides.amax(1), (given_boxes[:, 2:] - given_boxes[:, :2]).amax(1))
    assert_close(squares[:, :2] + squares[:, 2:], given_boxes[:, :2] + given_boxes[:, 2:])
    assert_close(boxes.square(squares), squares)


@given(box_lists, st.integers(1, 40), st.integers(1, 40))
def test_a_clipped_box_is_what_of_it_lies_in_the_picture(rows: list[Box], height: int, width: int) -> None:
    given_boxes, picture = tensor(*rows), tensor((0, 0, width, height))
    clipped = boxes.clip(given_boxes, height, width)
    assert_close(boxes.area(clipped), boxes.intersection(given_boxes, picture)[:, 0])
    assert ((clipped >= 0) & (clipped <= torch.tensor([width, height, width, height]))).all()
    assert_close(boxes.clip(clipped, height, width), clipped)


def test_clip_of_hand_drawn_boxes() -> None:
    clipped = boxes.clip(tensor((-5, -6, 50, 60), (3, 4, 5, 6), (100, 100, 120, 130)), height=20, width=30)
    assert clipped.tolist() == [[0, 0, 30, 20], [3, 4, 5, 6], [30, 20, 30, 20]]


def test_nothing_in_nothing_out() -> None:
    some = tensor((0, 0, 1, 1), (0, 0, 2, 2))
    assert boxes.iou(EMPTY, some).shape == (0, 2)
    assert boxes.iou(some, EMPTY).shape == (2, 0)
    assert boxes.nms(EMPTY, torch.empty(0), 0.5).shape == (0,)
    assert boxes.nms(EMPTY, torch.empty(0), 0.5).dtype == torch.int64
    assert boxes.area(EMPTY).shape == boxes.coverage(EMPTY, some).shape == (0,)
    assert boxes.coverage(some, EMPTY).tolist() == [0, 0]
    assert boxes.square(EMPTY).shape == boxes.clip(EMPTY, 5, 5).shape == (0, 4)
    assert boxes.encode(EMPTY, EMPTY).shape == boxes.decode(EMPTY, EMPTY).shape == (0, 4)


@given(box_lists, box_lists)
def test_iou_stays_between_0_and_1(a: list[Box], b: list[Box]) -> None:
    found = boxes.iou(tensor(*a), tensor(*b))
    assert ((found >= 0) & (found <= 1 + 1e-6)).all()
    expected = [iou_by_hand(x, y) for x in a for y in b]
    assert all(math.isclose(f, e, abs_tol=1e-5) for f, e in zip(found.flatten().tolist(), expected, strict=True))


@pytest.mark.parametrize(
    ("offsets", "targets", "expected"),
    [
        ((0, 0, 0, 0), (0, 0, 0, 0), 1),
        ((0.1, -0.2, 0.3, 0.4), (0.1, -0.2, 0.3, 0.4), 1),
        ((0, 0, 0, 0), (0.5, 0, 0.5, 0), 0.5 / 1.5),  # half a side apart
        ((0, 0, 0, 0), (0.25, 0.25, -0.25, -0.25), 0.25),  # a quarter of the area
        ((0, 0, 0, 0), (0, 0, 1, 0), 0.5),  # twice as wide
        ((0, 0, 0, 0), (2, 0, 2, 0), 0),  # apart
        ((0, 0, 0, 0), (1, 0, 1, 0), 0),  # side by side
        ((1, 1, -1, -1), (0, 0, 0, 0), 0),  # turned inside out
        ((0.5, 0.5, -0.5, -0.5), (0.5, 0.5, -0.5, -0.5), 0),  # without area
    ],
)
def test_offset_iou(offsets: tuple[float, ...], targets: tuple[float, ...], expected: float) -> None:
    a, b = torch.tensor([offsets]).float(), torch.tensor([targets]).float()
    assert boxes.offset_iou(a, b).tolist() == pytest.approx([expected])
    assert boxes.offset_iou(b, a).tolist() == pytest.approx([expected])


@pytest.mark.parametrize(
    ("offsets", "targets", "expected"),
    [
        ((0.1, -0.2, 0.3, 0.4), (0.1, -0.2, 0.3, 0.4), 1),
        ((0, 0, 0, 0), (0.5, 0, 0.5, 0), 0.5 / 1.5),  # half a side apart: nothing of the box around both is empty
        ((0, 0, 0, 0), (0.25, 0.25, -0.25, -0.25), 0.25),  # one in the other: neither
        ((0, 0, 0, 0), (1, 0, 1, 0), 0),  # side by side
        ((0, 0, 0, 0), (2, 0, 2, 0), -1 / 3),  # a side between them
        ((0, 0, 0, 0), (1, 1, 1, 1), -0.5),  # corner to corner
        ((0, 0, 0, 0), (0.5, 0.5, 0.5, 0.5), 0.25 / 1.75 - 0.5 / 2.25),
    ],
)
def test_offset_giou(offsets: tuple[float, ...], targets: tuple[float, ...], expected: float) -> None:
    a, b = torch.tensor([offsets]).float(), torch.tensor([targets]).float()
    assert boxes.offset_giou(a, b).tolist() == pytest.approx([expected], abs=1e-6)
    assert boxes.offset_giou(b, a).tolist() == pytest.approx([expected], abs=1e-6)


def test_overlaps_of_no_offsets() -> None:
    assert boxes.offset_iou(torch.empty(0, 4), torch.empty(0, 4)).shape == (0,)
    assert boxes.offset_giou(torch.empty(0, 4), torch.empty(0, 4)).shape == (0,)
