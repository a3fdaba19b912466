from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mtcnn_lit import Detections
from mtcnn_lit.detections import Candidates


def some() -> Detections:
    return Detections(torch.arange(12.0).reshape(3, 4), torch.tensor([0.9, 0.5, 0.1]))


@pytest.mark.parametrize(
    ("boxes", "scores", "complaint"),
    [
        (torch.zeros(4), torch.zeros(1), r"boxes must have shape \(N, 4\), not \(4,\)"),
        (torch.zeros(2, 5), torch.zeros(2), r"boxes must have shape \(N, 4\), not \(2, 5\)"),
        (torch.zeros(2, 4), torch.zeros(3), r"scores must have shape \(2,\), not \(3,\)"),
        (torch.zeros(2, 4), torch.zeros(2, 1), r"scores must have shape \(2,\), not \(2, 1\)"),
        (torch.zeros(2, 4, dtype=torch.float64), torch.zeros(2), "not torch.float64 and torch.float32"),
        (torch.zeros(2, 4), torch.zeros(2, dtype=torch.float16), "not torch.float32 and torch.float16"),
    ],
)
def test_what_does_not_fit_is_refused(boxes: Tensor, scores: Tensor, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Detections(boxes, scores)


def test_empty_has_the_shapes_of_no_face() -> None:
    empty = Detections.empty()
    assert len(empty) == 0
    assert (empty.boxes.shape, empty.scores.shape) == ((0, 4), (0,))


def test_select_by_index_keeps_the_order_asked_for() -> None:
    chosen = some().select(torch.tensor([2, 0]))
    assert chosen.boxes.tolist() == [[8, 9, 10, 11], [0, 1, 2, 3]]
    assert chosen.scores.tolist() == pytest.approx([0.1, 0.9])


def test_select_by_mask() -> None:
    found = some()
    chosen = found.select(found.scores > 0.3)
    assert chosen.boxes.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert len(found.select(found.scores > 1)) == 0


def test_detections_can_not_be_changed_into_something_ill_shaped() -> None:
    with pytest.raises(AttributeError):
        some().boxes = torch.zeros(7, 4)  # type: ignore[misc]


def test_equal_are_those_of_equal_boxes_and_scores() -> None:
    found = some()
    assert found == some()
    assert found in [1, some()]
    assert found not in [1, found.select(torch.tensor([0, 1])), Detections.empty()]
    assert found != Detections(found.boxes + 1, found.scores)
    assert found != Detections(found.boxes, found.scores / 2)
    assert found != (found.boxes, found.scores)
    assert Detections.empty() == Detections.empty()


def test_detections_have_no_hash_since_tensors_can_be_changed() -> None:
    with pytest.raises(TypeError, match="unhashable"):
        hash(some())


def test_voters_are_those_that_votes_counts() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 9], [5, 5, 15, 15]])
    candidates = Candidates(boxes, torch.tensor([0.25, 0.5, 0.75, 1]), torch.tensor([0, 1, 1, 1]))
    assert candidates.voters(candidates, 0.5).tolist() == [
        *([0.25, 0, 0, 0], [0.75, 0.5, 0, 0], [0.75, 0.5, 0, 0], [1, 0, 0, 0])
    ]
    assert candidates.select(torch.tensor([], dtype=torch.int64)).voters(candidates, 0.5).shape == (0, 4)


def test_votes_are_of_the_same_image() -> None:
    boxes = torch.tensor([(0.0, 0, 10, 10), (0, 0, 10, 10), (1, 0, 11, 10)])
    candidates = Candidates(boxes, torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 1]))
    assert candidates.votes(candidates, 0.5).tolist() == [1, 2, 2]
    assert candidates.select(torch.tensor([2])).votes(candidates, 0.5).tolist() == [2]
    assert candidates.select(torch.tensor([], dtype=torch.int64)).votes(candidates, 0.5).tolist() == []
