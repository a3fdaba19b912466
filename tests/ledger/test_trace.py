"""Where a face was lost and with which score, by hand-made steps of a cascade."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcnn_lit.cascade import Step
from mtcnn_lit.detections import Candidates
from mtcnn_lit.ledger import trace
from mtcnn_lit.ledger.balance import STEPS
from mtcnn_lit.ledger.trace import Faces, lost_at, scores_of_lost

Box = tuple[float, float, float, float]
Candidate = tuple[Box, float, int]  # box, score, image

FACE: Box = (0, 0, 20, 20)
HALF: Box = (0, 0, 20, 10)  # IoU with the face: exactly .5
LESS: Box = (0, 0, 20, 9.9)
MOST: Box = (0, 0, 20, 16)
ELSEWHERE: Box = (100, 100, 120, 120)


def candidates(*rows: Candidate) -> Candidates:
    boxes, scores, image = zip(*rows, strict=True) if rows else ((), (), ())
    return Candidates(
        torch.tensor(boxes).float().reshape(-1, 4), torch.tensor(scores).float(), torch.tensor(image).long()
    )


def faces(*boxes: Box, image: Sequence[int] | None = None) -> Faces:
    return Faces(torch.tensor(boxes).float().reshape(-1, 4), torch.tensor(image or [0] * len(boxes)).long())


def never() -> NoReturn:
    raise AssertionError("a step that lost no face was asked what it had to decide on")


def covered_up_to(lost: int, judged: Candidates) -> list[Step]:
    """Steps of which the one at ``lost`` and those after it leave nothing that covers `FACE`."""
    steps = []
    for number, name in enumerate(STEPS):
        found = candidates((MOST if number < lost else LESS, 0.5, 0), (ELSEWHERE, 0.9, 0))
        steps.append(Step(name, found, (lambda: judged) if number == lost else never))
    return steps


@pytest.mark.parametrize("lost", range(len(STEPS)))
def test_a_face_is_lost_at_the_first_step_that_leaves_nothing_on_it(lost: int) -> None:
    judged = candidates((HALF, 0.25, 0), (MOST, 0.125, 0), (LESS, 0.75, 0), (ELSEWHERE, 0.9, 0))
    steps = covered_up_to(lost, judged)
    position = lost_at(steps, faces(FACE))
    assert position.tolist() == [lost]
    assert scores_of_lost(steps, position, faces(FACE)).tolist() == [0.25]


def test_a_face_that_is_found_is_lost_at_no_step() -> None:
    steps = covered_up_to(6, candidates())
    assert [step.name for step in steps] == ["pnet", "pnet_nms", "rnet", "onet", "nms", "again"]
    assert lost_at(steps, faces(FACE)).tolist() == [6]
    assert scores_of_lost(steps, torch.tensor([6]), faces(FACE)).tolist() == [0]


def test_a_face_that_is_covered_again_was_not_lost_before() -> None:
    boxes = [MOST, LESS, HALF, LESS, LESS, LESS]  # the box moves away at P-Net's NMS, back at R-Net and away at O-Net
    steps = [Step(name, candidates((box, 0.5, 0)), never) for name, box in zip(STEPS, boxes, strict=True)]
    assert lost_at(steps, faces(FACE)).tolist() == [3]


@pytest.mark.parametrize("judged", [candidates(), candidates((ELSEWHERE, 0.9, 0)), candidates((MOST, 0.9, 1))])
def test_without_a_window_on_the_face_the_score_is_0(judged: Candidates) -> None:
    steps = [Step("pnet", candidates(), lambda: judged)]
    assert scores_of_lost(steps, lost_at(steps, faces(FACE)), faces(FACE)).tolist() == [0]


def test_candidates_cover_faces_of_their_own_image_only() -> None:
    both = faces(FACE, FACE, ELSEWHERE, image=[0, 2, 2])
    steps = [Step("pnet", candidates((ELSEWHERE, 0.5, 0), (FACE, 0.5, 1), (FACE, 0.5, 2)), never)]
    assert lost_at(steps, both).tolist() == [0, 1, 0]


def test_one_candidate_may_cover_two_faces() -> None:
    steps = [Step("pnet", candidates((MOST, 0.5, 0)), never)]
    assert lost_at(steps, faces(FACE, HALF)).tolist() == [1, 1]


def test_no_faces() -> None:
    steps = [Step("pnet", candidates((MOST, 0.5, 0)), never)]
    assert lost_at(steps, faces()).tolist() == []
    assert scores_of_lost(steps, torch.zeros(0).long(), faces()).tolist() == []


def slow_best_score(face: Box, near: list[tuple[Box, float]]) -> float:
    """The same by whole numbers in plain Python."""
    best = 0.0
    for box, score in near:
        width, height = (max(0, min(face[i + 2], box[i + 2]) - max(face[i], box[i])) for i in (0, 1))
        areas = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (face, box))
        if 2 * width * height >= areas - width * height > 0:
            best = max(best, score)
    return best


corner, side = st.integers(0, 6), st.integers(1, 9)
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
candidate = st.tuples(box, st.integers(1, 8).map(lambda n: n / 8), st.integers(0, 2))


@settings(max_examples=200)
@given(st.lists(st.tuples(box, st.integers(0, 2)), max_size=12), st.lists(candidate, max_size=20), st.integers(1, 4))
def test_it_equals_a_slow_reference(there: list[tuple[Box, int]], seen: list[Candidate], block: int) -> None:
    true = faces(*(face for face, _ in there), image=[image for _, image in there])
    steps = [Step("pnet", candidates(), lambda: candidates(*seen))]
    expected = [slow_best_score(face, [(b, s) for b, s, number in seen if number == image]) for face, image in there]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "_BLOCK", block)
        assert scores_of_lost(steps, lost_at(steps, true), true).tolist() == expected
