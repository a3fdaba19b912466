"""The WIDER FACE protocol: by hand, against plain loops, and with the official lists."""

from __future__ import annotations

import math
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mtcnn_lit import Detections
from mtcnn_lit.metrics import WiderFaceAP, WiderFaceTruth
from mtcnn_lit.sources import SourceError
from tests.metrics.examples import HALF_OF_A, MOST_OF_A, NOWHERE, A, B, Box, C, detections
from tests.metrics.widerface_examples import PICTURES, PICTURES_AP, Picture, official_ap, truth

EASY: tuple[list[int], list[int], list[int]] = ([0], [0], [0])
LAST = [(NOWHERE, 0.0)]  # the lowest score of the set: with it, others keep apart when scores are stretched


def measure(pictures: dict[str, Picture]) -> dict[str, float]:
    metric = WiderFaceAP(truth(pictures))
    for name, picture in pictures.items():
        metric.update([name], [detections(picture.found)])
    return {difficulty: ap.item() for difficulty, ap in metric.compute().items()}


def easy(found: list[tuple[Box, float]], faces: list[Box], counting: list[int]) -> float:
    return measure({"e/a.jpg": Picture([*found, *LAST], faces, (counting, [], []))})["easy"]


def test_three_pictures_by_hand() -> None:
    assert measure(PICTURES) == pytest.approx(PICTURES_AP)
    assert [official_ap(PICTURES, difficulty) for difficulty in range(3)] == pytest.approx([*PICTURES_AP.values()])


@pytest.mark.parametrize(
    ("found", "faces", "counting", "expected"),
    [
        ([(A, 0.9), (B, 0.8)], [A, B], [0, 1], 1.0),
        ([(A, 0.9)], [A, B], [0, 1], 1 / 2),
        ([(NOWHERE, 0.9), (A, 0.8)], [A], [0], 1 / 2),
        ([(A, 0.9), (MOST_OF_A, 0.8), (B, 0.7)], [A, B], [0, 1], (1 + 2 / 3) / 2),  # a duplicate is wrong
        ([(A, 0.9), (MOST_OF_A, 0.8), (B, 0.7)], [A, B], [1], 1.0),  # also the duplicate of an ignored face is ignored
        # Each detection is about the face that it overlaps most: the second doesn't move on to the one that is free.
        ([(MOST_OF_A, 0.9), (A, 0.8)], [MOST_OF_A, (0, 0, 10, 5)], [0, 1], 1 / 2),
        ([(MOST_OF_A, 0.9)], [HALF_OF_A, A], [0], 0.0),  # most on the ignored one, though it overlaps the other enough
        ([(B, 0.8), (A, 0.8), (NOWHERE, 0.8)], [A, B], [0, 1], 2 / 3),  # a tie is one step
        ([], [A], [0], 0.0),
        ([(A, 0.9)], [A], [], math.nan),
    ],
)
def test_by_hand(found: list[tuple[Box, float]], faces: list[Box], counting: list[int], expected: float) -> None:
    assert easy(found, faces, counting) == pytest.approx(expected, nan_ok=True)
    assert easy(found[::-1], faces, counting) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 10, 4.5), 1.0),  # 11 × 5.5 of 11 × 11 pixels, though 4.5 of 10 without the +1 convention
        ((0, 0, 10, 4.49), 0.0),
        ((0, 0, 10, 21), 1.0),  # 11 × 11 of 11 × 22
        ((0, 0, 10, 21.01), 0.0),
    ],
)
def test_the_last_pixel_belongs_to_a_box(box: Box, expected: float) -> None:
    assert easy([(box, 0.9)], [A], [0]) == expected


def test_scores_are_stretched_over_the_whole_set_and_cut_at_1000_thresholds() -> None:
    close = [(NOWHERE, 0.50004), (A, 0.5)]  # apart by less than a thousandth of the range, so one step
    apart = [(NOWHERE, 0.5016), (A, 0.5)]
    for found, points in ((close, 1), (apart, 2)):
        metric = WiderFaceAP(truth({"e/a.jpg": Picture([], [A], EASY), "e/b.jpg": Picture([], [B], EASY)}))
        metric.update(["e/a.jpg", "e/b.jpg"], [detections(found), detections([(C, 1.0), (C, 0.0)])])
        curve = metric.curves()["easy"]
        assert curve.shown.shape == (1000,)
        assert len(set(curve.shown.tolist())) == 2 + points  # one at the top, one at the bottom
        assert curve.shown[-1] == 4
    metric = WiderFaceAP(truth({"e/a.jpg": Picture([], [A], EASY)}))
    metric.update(["e/a.jpg"], [detections(close)])  # alone, they are the ends of the range
    assert len(set(metric.curves()["easy"].shown.tolist())) == 2


def test_where_all_scores_are_equal_all_are_shown() -> None:
    assert measure({"e/a.jpg": Picture([(A, 0.7), (B, 0.7)], [A, B], ([0, 1], [0], [0, 1]))}) == {
        "easy": 1.0,
        "medium": 1.0,
        "hard": 1.0,
    }


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric WiderFaceAP was called before")
def test_pictures_without_detections_or_updates_or_faces() -> None:
    pictures = {"e/a.jpg": Picture([(A, 0.9), *LAST], [A], EASY), "e/b.jpg": Picture([], [A], EASY)}
    assert measure(pictures)["easy"] == 1 / 2
    metric = WiderFaceAP(truth(pictures))
    assert metric.compute()["easy"] == 0
    metric.update(["e/a.jpg"], [detections(pictures["e/a.jpg"].found)])
    assert metric.compute()["easy"] == 1 / 2  # b.jpg counts though nobody asked for it
    metric.reset()
    metric.update(["e/b.jpg"], [Detections.empty()])
    assert metric.compute()["easy"] == 0
    # A picture without faces in the lists is left out, but its scores stretch the range.
    assert measure({**pictures, "e/c.jpg": Picture([(A, 1.0)], [], ([], [], []))})["easy"] == 1 / 2


corner, side = st.integers(0, 5).map(lambda n: n * 4.0), st.sampled_from([7.0, 11.0, 15.0])
box = st.tuples(corner, corner, side, side).map(lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3]))
score = st.integers(0, 40).map(lambda n: n / 40) | st.floats(0, 1, width=32)


@st.composite
def picture(draw: st.DrawFn) -> Picture:
    faces = draw(st.lists(box, max_size=6))
    some = st.lists(st.sampled_from(range(len(faces))), unique=True) if faces else st.just([])
    return Picture(draw(st.lists(st.tuples(box, score), max_size=10)), faces, (draw(some), draw(some), draw(some)))


@settings(max_examples=100)
@given(st.lists(picture(), min_size=1, max_size=4))
def test_it_equals_the_official_steps_in_plain_loops(drawn: list[Picture]) -> None:
    pictures = {f"e/{number}.jpg": each for number, each in enumerate(drawn)}
    measured = measure(pictures)
    if len({score for each in drawn for _, score in each.found}) < 2:
        return
    for number, (name, ap) in enumerate(measured.items()):
        if any(each.counting[number] for each in drawn):
            assert ap == pytest.approx(official_ap(pictures, number), abs=1e-6), name
        else:
            assert math.isnan(ap)


def test_what_is_unknown_or_uneven_is_refused() -> None:
    metric = WiderFaceAP(truth())
    with pytest.raises(
        SourceError, match=r"no picture 'a\.jpg' in WIDER FACE's ground truth; names are event/file\.jpg"
    ):
        metric.update(["a.jpg"], [Detections.empty()])
    with pytest.raises(ValueError, match="shorter"):
        metric.update(["0--Parade/a.jpg"], [])


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (["0--Parade/b.jpg", "nowhere.jpg"], SourceError),
        (["0--Parade/b.jpg", "0--Parade/a.jpg"], ValueError),
        (["0--Parade/b.jpg", "0--Parade/b.jpg"], ValueError),
        (["0--Parade/b.jpg"], ValueError),
    ],
)
def test_of_what_is_refused_nothing_is_left(names: list[str], error: type[Exception]) -> None:
    metric = WiderFaceAP(truth())
    metric.update(["0--Parade/a.jpg"], [detections(PICTURES["0--Parade/a.jpg"].found)])
    with pytest.raises(error):
        metric.update(names, [detections(PICTURES["0--Parade/b.jpg"].found)] * 2)
    for name in ("0--Parade/b.jpg", "1--Riot/c.jpg"):
        metric.update([name], [detections(PICTURES[name].found)])
    assert metric.compute() == pytest.approx(PICTURES_AP)


def test_a_picture_comes_once_until_they_are_forgotten() -> None:
    name, found = "0--Parade/a.jpg", detections(PICTURES["0--Parade/a.jpg"].found)
    metric = WiderFaceAP(truth())
    metric.update([name], [found])
    for again in (metric, pickle.loads(pickle.dumps(metric))):
        with pytest.raises(ValueError, match=rf"^picture '{name}' was there already: its faces would be found twice$"):
            again.update([name], [found])
        again.reset()
        again.update([name], [found])


def test_it_measures_where_torch_is_told_to_make_tensors_elsewhere() -> None:
    metric = WiderFaceAP(truth())
    found = [detections(picture.found) for picture in PICTURES.values()]
    with torch.device("meta"):  # what is made there has no values
        metric.update(list(PICTURES), found)
        assert metric.compute() == pytest.approx(PICTURES_AP)


@pytest.mark.widerface
def test_perfect_detections_of_the_official_pictures_give_one(widerface_root: Path) -> None:
    official = WiderFaceTruth.load(widerface_root / "eval_ground_truth")
    metric = WiderFaceAP(official)
    for index, (name, image) in enumerate(official.images.items()):
        score = 0.5 + index % 100 / 200
        metric.update([name], [Detections(image.boxes.float(), torch.full((len(image.boxes),), score))])
    # Not to the last digit: one face is annotated twice with the same box, and one box has a negative width.
    assert {name: round(ap.item(), 3) for name, ap in metric.compute().items()} == {"easy": 1, "medium": 1, "hard": 1}
