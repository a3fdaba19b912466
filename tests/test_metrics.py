from __future__ import annotations

import copy
import math

import pytest
import torch
from torch import Tensor

from mtcnn_lit import Detections
from mtcnn_lit.metrics import IGNORED, WRONG, AveragePrecision, average_precision, match

Box = tuple[float, float, float, float]
Example = tuple[list[tuple[Box, float]], list[Box], list[Box]]  # detections with scores, faces, ignored

A, B, C = (0.0, 0.0, 10.0, 10.0), (20.0, 0.0, 30.0, 10.0), (40.0, 0.0, 50.0, 10.0)
HALF_OF_A = (0.0, 0.0, 10.0, 5.0)  # IoU with A: 0.5
MOST_OF_A = (0.0, 0.0, 10.0, 8.0)  # 0.8
NOWHERE = (100.0, 100.0, 110.0, 110.0)


def tensor(rows: list[Box]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float32).reshape(-1, 4)


def detections(pairs: list[tuple[Box, float]]) -> Detections:
    return Detections(tensor([box for box, _ in pairs]), torch.tensor([score for _, score in pairs]).float())


def measure(examples: list[Example], iou_threshold: float = 0.5) -> float:
    metric = AveragePrecision(iou_threshold)
    for found, faces, ignored in examples:
        metric.update([detections(found)], [tensor(faces)], [tensor(ignored)])
    return metric.compute().item()


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


@pytest.mark.parametrize(
    ("scores", "hits", "faces_count", "expected"),
    [
        ([0.9, 0.8], [1, 1], 2, 1.0),
        ([0.9, 0.8], [1, 1], 4, 0.5),  # half of the faces, all right
        ([0.9, 0.8], [0, 1], 1, 1 / 2),
        ([0.9, 0.8], [1, 0], 1, 1.0),  # what comes after the last face costs nothing
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], 2, (1 + 2 / 3) / 2),
        ([0.9, 0.8, 0.7, 0.6], [0, 1, 1, 1], 3, 3 / 4),  # precision 0, 1/2, 2/3, 3/4: its envelope is 3/4 throughout
        ([0.9, 0.8, 0.7, 0.6, 0.5], [1, 0, 0, 1, 1], 4, (1 + 3 / 5 + 3 / 5) / 4),
        ([0.6, 0.9, 0.7, 0.8], [0, 1, 1, 0], 2, (1 + 2 / 3) / 2),  # in any order
        ([0.5, 0.5], [1, 0], 1, 1 / 2),  # one step, whichever comes first
        ([0.5, 0.5], [0, 1], 1, 1 / 2),
        ([0.9, 0.5, 0.5, 0.5], [1, 1, 0, 0], 2, (1 + 2 / 4) / 2),
        ([0.9, 0.8], [0, 0], 3, 0.0),
        ([], [], 3, 0.0),
    ],
)
def test_average_precision_by_hand(scores: list[float], hits: list[int], faces_count: int, expected: float) -> None:
    ap = average_precision(torch.tensor(scores), torch.tensor(hits, dtype=torch.bool), faces_count)
    assert ap.shape == ()
    assert ap.item() == pytest.approx(expected)


def test_average_precision_without_faces_is_not_a_number() -> None:
    assert math.isnan(average_precision(torch.tensor([0.5]), torch.tensor([False]), 0).item())
    assert math.isnan(average_precision(torch.empty(0), torch.empty(0), 0).item())


@pytest.mark.parametrize(
    ("examples", "expected"),
    [
        ([([(A, 0.9)], [A], [])], 1.0),
        # Two images: right .9, wrong .8, right .7; the third face is missed.
        ([([(A, 0.9), (NOWHERE, 0.8)], [A, C], []), ([(B, 0.7)], [B], [])], (1 + 2 / 3) / 3),
        ([([(A, 0.9), (NOWHERE, 0.8)], [A, C], [NOWHERE]), ([(B, 0.7)], [B], [])], 2 / 3),  # the wrong one ignored
        ([([(A, 0.9), (MOST_OF_A, 0.8)], [A], []), ([(B, 0.7)], [B], [])], (1 + 2 / 3) / 2),  # a duplicate
        ([([], [A], []), ([(B, 0.7)], [B], [])], 1 / 2),  # an image without detections
        ([([(NOWHERE, 0.9)], [], []), ([(B, 0.7)], [B], [])], 1 / 2),  # an image without faces
        ([([], [], []), ([(B, 0.7)], [B], [])], 1.0),  # an empty image
        ([([], [A], [])], 0.0),
        ([([(NOWHERE, 0.9)], [A], [])], 0.0),
        ([([(A, 0.5)], [A], []), ([(NOWHERE, 0.5)], [], [])], 1 / 2),  # a tie between images
    ],
)
def test_metric_by_hand(examples: list[Example], expected: float) -> None:
    assert measure(examples) == pytest.approx(expected)
    assert measure(examples[::-1]) == pytest.approx(expected)


def test_nothing_to_find_is_not_a_number() -> None:
    assert math.isnan(measure([([(A, 0.9)], [], [])]))
    assert math.isnan(measure([([], [], [A])]))


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric AveragePrecision was called before")
def test_without_an_update_it_is_not_a_number() -> None:
    assert math.isnan(AveragePrecision().compute().item())


def test_no_cap_on_detections() -> None:
    faces = [(20.0 * i, 0.0, 20.0 * i + 10, 10.0) for i in range(1500)]
    assert measure([([(face, 0.9 - 1e-4 * i) for i, face in enumerate(faces)], faces, [])]) == pytest.approx(1)


EXAMPLES: list[Example] = [
    ([(A, 0.9), (NOWHERE, 0.8)], [A, C], []),
    ([(B, 0.7), (NOWHERE, 0.6)], [B], [NOWHERE]),
    ([(NOWHERE, 0.65), (C, 0.5)], [C], []),
]
EXAMPLES_AP = (1 + 2 / 3 + 3 / 5) / 4


def test_a_batch_equals_its_images_and_reset_forgets_them() -> None:
    metric = AveragePrecision()
    found, faces, ignored = zip(*EXAMPLES, strict=True)
    batch = ([detections(f) for f in found], [tensor(f) for f in faces], [tensor(i) for i in ignored])
    metric.update(*batch)
    assert metric.compute().item() == pytest.approx(EXAMPLES_AP) == pytest.approx(measure(EXAMPLES))
    metric.reset()
    metric.update(*batch)
    assert metric.compute().item() == pytest.approx(EXAMPLES_AP)
    assert copy.deepcopy(metric).compute().item() == pytest.approx(EXAMPLES_AP)


def test_update_leaves_its_arguments_alone() -> None:
    found, faces, ignored = detections([(A, 0.9), (B, 0.8)]), tensor([A, B]), tensor([C])
    AveragePrecision().update([found], [faces], [ignored])
    assert (found.boxes.tolist(), faces.tolist(), ignored.tolist()) == ([[*A], [*B]], [[*A], [*B]], [[*C]])


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01])
def test_a_threshold_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match="iou_threshold must lie above 0 and not above 1"):
        AveragePrecision(threshold)


def test_lists_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="shorter"):
        AveragePrecision().update([Detections.empty()], [], [])
