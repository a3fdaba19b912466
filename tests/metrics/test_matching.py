from __future__ import annotations

import pytest
import torch

from mtcnn_lit.metrics import IGNORED, IOU_RANGE, WRONG, match, match_at
from tests.metrics.examples import HALF_OF_A, MOST_OF_A, NOWHERE, A, B, Box, detections, tensor


@pytest.mark.parametrize(
    ("found", "faces", "ignored", "expected"),
    [
        ([(A, 0.9), (B, 0.8)], [B, A], [], [1, 0]),
        ([(A, 0.9), (MOST_OF_A, 0.8)], [A], [], [0, WRONG]),  # a duplicate
        ([(MOST_OF_A, 0.8), (A, 0.9)], [A], [], [WRONG, 0]),  # the better score comes first, wherever it stands
        ([(MOST_OF_A, 0.5), (A, 0.5)], [A], [], [0, WRONG]),  # equal scores keep their order
        ([(MOST_OF_A, 0.9), (A, 0.8)], [A, HALF_OF_A], [], [0, 1]),  # the second takes the face that is free
        ([(A, 0.9)], [HALF_OF_A, MOST_OF_A], [], [1]),  # the one that it overlaps most
        ([(HALF_OF_A, 0.9)], [A], [], [0]),  # exactly the threshold
        ([(NOWHERE, 0.9)], [A], [], [WRONG]),
        ([(NOWHERE, 0.9)], [A], [NOWHERE], [IGNORED]),
        ([(A, 0.9)], [A], [A], [0]),  # a face wins over an ignored box
        ([(A, 0.9), (MOST_OF_A, 0.8)], [A], [A], [0, IGNORED]),  # and its duplicate lies on the ignored box
        ([(A, 0.9)], [], [(0, 0, 100, 100)], [IGNORED]),  # within a crowd, with an IoU of 0.01
        ([(A, 0.9)], [], [(5, 0, 100, 100)], [IGNORED]),  # half within
        ([(A, 0.9)], [], [(5.1, 0, 100, 100)], [WRONG]),
        ([(A, 0.9)], [], [(0, 0, 3, 10), (7, 0, 10, 10)], [WRONG]),  # two regions don't add up
        ([((0, 0, 100, 100), 0.9)], [], [A], [WRONG]),  # a large box around a small ignored one
        ([], [A], [B], []),
    ],
)
def test_match(found: list[tuple[Box, float]], faces: list[Box], ignored: list[Box], expected: list[int]) -> None:
    verdicts = match(detections(found), tensor(faces), tensor(ignored))
    assert verdicts.tolist() == expected
    assert verdicts.dtype == torch.int64


def test_match_at_another_threshold() -> None:
    assert match(detections([(MOST_OF_A, 0.9)]), tensor([A]), tensor([]), 0.8).tolist() == [0]
    assert match(detections([(MOST_OF_A, 0.9)]), tensor([A]), tensor([]), 0.81).tolist() == [WRONG]


def test_match_at_several_thresholds_frees_a_face_for_a_better_overlap() -> None:
    found = detections([(MOST_OF_A, 0.9), (A, 0.8)])
    verdicts = match_at(found, tensor([A]), tensor([HALF_OF_A]), [0.5, 0.8, 0.81, 0.5])
    # From .81 on, the better score doesn't find the face; HALF_OF_A covers .625 of it and .5 of the other.
    assert verdicts.tolist() == [[0, IGNORED], [0, WRONG], [WRONG, 0], [0, IGNORED]]


def test_thresholds_come_in_any_order() -> None:
    found = detections([(MOST_OF_A, 0.9)])
    assert match_at(found, tensor([A]), tensor([]), [0.9, 0.5, 0.81, 0.8]).tolist() == [[WRONG], [0], [WRONG], [0]]


def test_a_range_of_thresholds_of_a_crowd_equals_its_thresholds_one_by_one() -> None:
    dice = torch.Generator().manual_seed(0)
    corners = torch.randint(0, 60, (120, 2), generator=dice).float()
    boxes = torch.cat([corners, corners + torch.randint(8, 24, (120, 2), generator=dice)], dim=1)
    found = detections([(tuple(box), float(i % 7)) for i, box in enumerate(boxes[:80].tolist())])  # type: ignore[misc]
    verdicts = match_at(found, boxes[80:110], boxes[110:], IOU_RANGE)
    assert verdicts.shape == (10, 80)
    assert [(row >= 0).sum() > 0 for row in verdicts[:4]] == [True] * 4
    for row, threshold in zip(verdicts, IOU_RANGE, strict=True):
        assert row.tolist() == match(found, boxes[80:110], boxes[110:], threshold).tolist()
