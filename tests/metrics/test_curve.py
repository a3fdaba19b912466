from __future__ import annotations

import math

import pytest
import torch

from mtcnn_lit.metrics import PrecisionRecall


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
    ap = PrecisionRecall.by_score(
        torch.tensor(scores), torch.tensor(hits, dtype=torch.bool), faces_count
    ).average_precision()
    assert ap.shape == ()
    assert ap.item() == pytest.approx(expected)


def test_average_precision_without_faces_is_not_a_number() -> None:
    for scores in ([0.5], []):
        curve = PrecisionRecall.by_score(torch.tensor(scores), torch.zeros(len(scores), dtype=torch.bool), 0)
        assert math.isnan(curve.average_precision().item())


def test_the_curve_by_hand() -> None:
    hits = [True, False, True, True, False]
    curve = PrecisionRecall.by_score(torch.tensor([0.9, 0.8, 0.5, 0.5, 0.4]), torch.tensor(hits), 4)
    assert curve.found.tolist() == [1, 1, 3, 3]  # the two of 0.5 are one step
    assert curve.shown.tolist() == [1, 2, 4, 5]
    assert curve.precision.tolist() == [1, 1 / 2, 3 / 4, 3 / 5]
    assert curve.recall.tolist() == [1 / 4, 1 / 4, 3 / 4, 3 / 4]
    assert curve.false_positives.tolist() == [0, 1, 1, 2]


@pytest.mark.parametrize(
    ("scores", "hits", "expected"),
    [
        ([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 0], [1 / 4, 2 / 4, 2 / 4, 2 / 4]),
        ([0.9, 0.8, 0.7, 0.6], [0, 0, 1, 1], [0, 0, 2 / 4, 2 / 4]),
        ([0.9, 0.9, 0.7, 0.6], [1, 0, 1, 1], [0, 3 / 4, 3 / 4, 3 / 4]),  # not one without the other of equal scores
        ([], [], [0, 0, 0, 0]),
    ],
)
def test_recall_at_false_positives_by_hand(scores: list[float], hits: list[int], expected: list[float]) -> None:
    curve = PrecisionRecall.by_score(torch.tensor(scores), torch.tensor(hits, dtype=torch.bool), 4)
    assert curve.recall_at([0, 1, 2, 100]) == expected


def test_without_faces_recall_is_not_a_number() -> None:
    curve = PrecisionRecall.by_score(torch.tensor([0.5]), torch.tensor([False]), 0)
    assert all(map(math.isnan, [*curve.recall.tolist(), *curve.recall_at([0, 1])]))


def test_where_nothing_is_shown_precision_is_not_a_number_and_costs_nothing() -> None:
    curve = PrecisionRecall(torch.tensor([0, 0, 1]), torch.tensor([0, 0, 1]), 2)
    assert list(map(math.isnan, curve.precision.tolist())) == [True, True, False]
    assert curve.average_precision().item() == 1 / 2
