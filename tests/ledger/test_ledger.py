"""The account of whole cascades whose networks answer as a script says: a face is lost at each step in turn."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mtcnn_lit import Detections
from mtcnn_lit.cascade import Cascade, Pyramid, StepName
from mtcnn_lit.images import Image
from mtcnn_lit.ledger import Balance, Ledger, ledger
from mtcnn_lit.nets import ONet, PNet, RNet
from tests.bright_squares import bright_cascade, picture
from tests.cascade.test_steps import STAY, Offsets, Window, pnet, scripted
from tests.two_processes import in_two_processes

Box = tuple[float, float, float, float]

FACE: Box = (10, 6, 22, 18)  # P-Net's window at row 3, column 5
INNER: Box = (12, 8, 20, 16)  # 64 of the 144 px of FACE
AWAY = (1.0, 0.0, 1.0, 0.0)  # a whole box to the right
WINDOW: Window = (3, 5, 2.0, STAY)


def scores(*logits: float) -> list[float]:
    return torch.tensor(logits).sigmoid().tolist()


def cascade(*nets: PNet | RNet | ONet) -> Cascade:
    first, second, third = (*nets, None, None)[:3]
    return Cascade(first, second, third, 12, 0.1, (0.5, 0.5, 0.5))  # type: ignore[arg-type]


def boxes(*rows: Box) -> Tensor:
    return torch.tensor(rows).float().reshape(-1, 4)


def account(detector: Cascade, *images: tuple[Image, Sequence[Box]]) -> Balance:
    book = Ledger()
    book.run(detector, [image for image, _ in images], [boxes(*there) for _, there in images], range(len(images)))
    return book.compute()


def run_one(detector: Cascade, *there: Box) -> Balance:
    return account(detector, (picture(40, 60), there))


def rnet(*answers: tuple[float, Offsets]) -> RNet:
    return scripted(RNet(), *answers)


def onet(*answers: tuple[float, Offsets]) -> ONet:
    return scripted(ONet(), *answers)


YES = (3.0, STAY)
BEFORE_ONET = (pnet({40: [WINDOW, (3, 14, 1.0, STAY)]}), rnet((2.0, STAY), (1.0, STAY)))
LOST: list[tuple[StepName, float, Box, list[PNet | RNet | ONet]]] = [
    ("pnet", -1.0, FACE, [pnet({40: [(3, 5, -1.0, STAY)]}), rnet(YES), onet(YES)]),
    # The better window is 2 px off on both axes, too far from a face that lies 2 px off on the other side.
    ("pnet_nms", 1.5, (12, 8, 24, 20), [pnet({40: [(2, 4, 2.0, STAY), (3, 5, 1.5, STAY)]}), rnet(YES), onet(YES)]),
    ("rnet", -2.0, FACE, [pnet({40: [WINDOW]}), rnet((-2.0, STAY)), onet(YES)]),
    ("rnet", 3.0, FACE, [pnet({40: [WINDOW]}), rnet((3.0, AWAY)), onet(YES)]),
    ("onet", -0.5, FACE, [pnet({40: [WINDOW]}), rnet(YES), onet((-0.5, STAY))]),
    # O-Net leaves one box where it is, and leads another one into it, around the small face: 100 of its 144 px.
    ("nms", 2.5, INNER, [*BEFORE_ONET, onet(YES, (2.5, ((11 - 28) / 12, 1 / 12, (21 - 40) / 12, -1 / 12)))]),
    # 81 px of it are too few for the NMS before the second look; that believes the boxes more, as they agree.
    (
        "again",
        2.5 + math.log(2),
        INNER,
        [*BEFORE_ONET, onet(YES, (2.5, ((11.5 - 28) / 12, 1.5 / 12, (20.5 - 40) / 12, -1.5 / 12)))],
    ),
]


@pytest.mark.usefixtures("logits_as_they_are")
@pytest.mark.parametrize(("step", "logit", "face", "nets"), LOST)
def test_a_face_lost_at_each_step_is_in_its_row(
    step: StepName, logit: float, face: Box, nets: list[PNet | RNet | ONet]
) -> None:
    balance = run_one(cascade(*nets), face)
    (loss,) = balance.losses
    assert (loss.image, loss.box, loss.step) == (0, face, step)
    assert loss.score == pytest.approx(scores(logit)[0])
    assert loss.height == face[3] - face[1]
    column = balance.steps.index(step)
    row = 0 if face == INNER else 1
    expected = np.zeros((5, 6), int)
    expected[row, column] = 1
    assert balance.lost.tolist() == expected.tolist()
    assert balance.found.tolist() == [0] * 5
    assert balance.remaining[row].tolist() == [1] * column + [0] * (6 - column)
    assert balance.median_score(step) == loss.score


def test_a_face_that_is_found_is_in_no_row() -> None:
    balance = run_one(cascade(pnet({40: [WINDOW]}), rnet(YES), onet(YES)), FACE)
    assert (balance.found.tolist(), balance.losses) == ([0, 1, 0, 0, 0], [])
    assert balance.remaining[1].tolist() == [1] * 6


@pytest.mark.usefixtures("logits_as_they_are")
@pytest.mark.parametrize(
    ("nets", "steps", "candidates"),
    [
        ([], ("pnet", "pnet_nms", "nms"), [2, 1, 1]),
        ([rnet((-1.0, STAY))], ("pnet", "pnet_nms", "rnet", "nms"), [2, 1, 0, 0]),
    ],
)
def test_a_cascade_of_one_or_two_networks_has_their_steps(
    nets: list[RNet], steps: tuple[StepName, ...], candidates: list[int]
) -> None:
    balance = run_one(cascade(pnet({40: [WINDOW, (3, 6, 1.0, STAY)]}), *nets), FACE)
    assert balance.steps == steps
    assert balance.candidates.tolist() == candidates
    assert balance.lost.shape == (5, len(steps))
    assert [loss.step for loss in balance.losses] == (["rnet"] if nets else [])
    assert list(balance.as_dict()["steps"]) == list(steps)


SQUARES = [(10, 10, 34, 34), (60, 20, 100, 60), (118, 62, 166, 110)]


def images_of_squares() -> list[tuple[Image, list[Box]]]:
    """With three faces and one that isn't there, without faces, below the smallest size, and without candidates."""
    there = [(float(x1), float(y1), float(x2), float(y2)) for x1, y1, x2, y2 in SQUARES]
    return [
        (picture(150, 200, *SQUARES), [*there, (10, 100, 100, 149)]),
        (picture(150, 200, *SQUARES), []),
        (picture(5, 5), [(0, 0, 5, 5)]),
        (picture(80, 70), [(10, 10, 60, 70)]),
    ]


def test_images_without_faces_and_without_candidates() -> None:
    balance = account(bright_cascade(), *images_of_squares())
    assert balance.images == 4
    assert balance.faces.tolist() == [1, 0, 1, 4, 0]
    assert balance.found.tolist() == [0, 0, 1, 2, 0]
    assert balance.lost[:, 0].tolist() == [1, 0, 0, 2, 0]
    assert [(loss.image, loss.step) for loss in balance.losses] == [(0, "pnet"), (2, "pnet"), (3, "pnet")]
    # Dark ground has the logit -4; the third picture has no window at all.
    dark = scores(-4.0)[0]
    assert [loss.score for loss in balance.losses] == pytest.approx([dark, 0, dark])
    assert balance.candidates[-1] == 6 / 4


def test_only_images_without_faces() -> None:
    balance = account(bright_cascade(), images_of_squares()[1])
    assert (balance.faces.tolist(), balance.losses, balance.candidates[-1]) == ([0] * 5, [], 3)


def test_detections_are_those_of_the_cascade() -> None:
    images, faces = zip(*images_of_squares(), strict=True)
    found = Ledger().run(bright_cascade(), images, [boxes(*there) for there in faces], range(4))
    for ours, theirs in zip(found, bright_cascade().detect(images), strict=True):
        assert isinstance(ours, Detections)
        assert torch.equal(ours.boxes, theirs.boxes)
        assert torch.equal(ours.scores, theirs.scores)


def test_lists_of_different_lengths() -> None:
    with pytest.raises(ValueError, match="1 images, but faces of 1 and numbers of 2"):
        Ledger().run(bright_cascade(), [picture(40, 60)], [boxes()], [0, 1])


def test_seconds_are_those_of_the_steps_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on only while a network or a pyramid is at work, and while a step tells what it had to judge."""
    now = 0.0

    def takes(seconds: float, function: Any) -> Any:
        def slow(*arguments: Any) -> Any:
            nonlocal now
            now += seconds
            return function(*arguments)

        return slow

    nets = (pnet({40: [WINDOW, (3, 20, -1.0, STAY)]}), rnet(YES), onet(YES))
    for net, seconds in zip(nets, (2.0, 4.0, 8.0), strict=True):
        net.forward = takes(seconds, net.forward)  # type: ignore[method-assign]
    monkeypatch.setattr("mtcnn_lit.cascade.cascade.Pyramid", takes(1.0, Pyramid))
    monkeypatch.setattr(ledger, "scores_of_lost", takes(32.0, ledger.scores_of_lost))
    monkeypatch.setattr("mtcnn_lit.cascade.steps.time", SimpleNamespace(perf_counter=lambda: now))
    book = Ledger()
    for number in range(2):
        book.run(cascade(*nets), [picture(40, 60)], [boxes((40, 6, 52, 18))], [number])
    assert book.compute().seconds.tolist() == [3, 0, 4, 8, 0, 16]  # O-Net looks again twice


@pytest.mark.usefixtures("logits_as_they_are")
def test_in_json_by_size_and_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtcnn_lit.cascade.steps.time", SimpleNamespace(perf_counter=lambda: 0.0))
    detector = cascade(pnet({40: [WINDOW, (3, 20, -1.0, STAY)]}), rnet((-2.0, STAY)))
    written = json.loads(json.dumps(run_one(detector, FACE, (40, 6, 52, 18), (0, 20, 20, 40)).as_dict()))
    nothing = {"faces": 0, "median_score": None}
    low, lower = (pytest.approx(score) for score in scores(-1.0, -2.0))
    none_lost = {"pnet": nothing, "pnet_nms": nothing, "rnet": nothing, "nms": nothing}
    empty = {"faces": 0, "found": 0, "lost": none_lost}
    one = {"pnet": {"faces": 1, "median_score": low}, "rnet": {"faces": 1, "median_score": lower}}
    assert written == {
        "images": 1,
        "sizes": {
            "<12": empty,
            "12-20": {"faces": 2, "found": 0, "lost": {**none_lost, **one}},
            "20-40": {"faces": 1, "found": 0, "lost": {**none_lost, "pnet": {"faces": 1, "median_score": 0}}},
            "40-80": empty,
            ">80": empty,
        },
        "steps": {
            "pnet": {
                "lost": 2,
                "median_score": pytest.approx(scores(-1.0)[0] / 2),
                "candidates_per_image": 1,
                "ms_per_image": 0,
            },
            "pnet_nms": {"lost": 0, "median_score": None, "candidates_per_image": 1, "ms_per_image": 0},
            "rnet": {"lost": 1, "median_score": lower, "candidates_per_image": 0, "ms_per_image": 0},
            "nms": {"lost": 0, "median_score": None, "candidates_per_image": 0, "ms_per_image": 0},
        },
    }


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric Ledger was called before")
def test_a_ledger_without_images() -> None:
    balance = Ledger().compute()
    assert (balance.images, balance.steps, balance.losses, balance.faces.tolist()) == (0, (), [], [0] * 5)
    assert balance.as_dict()["steps"] == {}


def fill(book: Ledger, numbers: Sequence[int]) -> Ledger:
    chosen = [images_of_squares()[number] for number in numbers]
    for number, (image, there) in zip(numbers, chosen, strict=True):
        book.run(bright_cascade(), [image], [boxes(*there)], [number])
    return book


def plain(balance: Balance) -> tuple[Any, ...]:
    """Everything but the time."""
    losses = sorted(balance.losses)
    return (
        balance.images,
        balance.steps,
        balance.lost.tolist(),
        balance.found.tolist(),
        balance.candidates.tolist(),
        losses,
    )


@pytest.mark.parametrize("shares", [[[0, 2], [1, 3]], [[0, 1, 2, 3], []], [[1], [0, 2, 3]]])
def test_two_ledgers_merged_equal_one(shares: list[list[int]]) -> None:
    one, other = (fill(Ledger(), share) for share in shares)
    one.merge_state(other)
    assert plain(one.compute()) == plain(account(bright_cascade(), *images_of_squares()))


def test_reset_forgets() -> None:
    book = fill(Ledger(), [0, 1])
    book.reset()
    assert plain(fill(book, [2]).compute()) == plain(fill(Ledger(), [2]).compute())


def _account_of(share: Sequence[int]) -> dict[str, Any]:
    return plain(fill(Ledger(), list(share)).compute())


@pytest.mark.parametrize("shares", [([0, 2], [1, 3]), ([0, 1, 2, 3], [])])  # in the second case, one has no image
def test_two_processes_gather_to_the_same_as_one(shares: tuple[list[int], list[int]]) -> None:
    expected = plain(account(bright_cascade(), *images_of_squares()))
    assert in_two_processes(_account_of, shares) == [expected] * 2
