from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from mtcnn_lit import Detections
from mtcnn_lit.boxes import iou
from mtcnn_lit.cascade import Cascade, Pyramid
from mtcnn_lit.mining.recall import RecallCurve, recall_curve, threshold_for_recall
from mtcnn_lit.nets import PNet, RNet
from tests.bright_squares import DimONet, bright_cascade, picture
from tests.mining.pictures import Box, Pictures, annotate

# Faces and scored boxes of some pictures: the best scores of the faces are .9, .8, .7 and none.
Scored = tuple[float, Box]
FACE, OTHER = (0, 0, 20, 20), (50, 50, 70, 70)
WORLD: list[tuple[list[Box], list[Scored]]] = [
    ([FACE], [(0.9, FACE), (0.2, OTHER)]),
    ([FACE, OTHER], [(0.99, (50, 50, 70, 59.9)), (0.8, (0, 0, 20, 10))]),  # IoU just below a half, and a half
    ([FACE], [(0.7, (1, 0, 21, 20)), (0.3, FACE)]),
    ([], [(0.95, FACE)]),
]


class Known(Cascade):
    """Knows what it finds in each picture of the world: the pictures are filled with their numbers."""

    seen: list[tuple[int, tuple[float, ...]]] = []  # noqa: RUF012

    def candidates(self, pyramid: Pyramid, *, mining: bool = False) -> Detections:
        number = int(pyramid.level(1)[0, 0, 0])
        self.seen.append((number, self.thresholds))
        limit = self.thresholds[len(self.nets) - 1]
        found = [(score, box) for score, box in WORLD[number][1] if score >= limit]
        scores, boxes = [score for score, _ in found], [box for _, box in found]
        return Detections(torch.tensor(boxes).float().reshape(-1, 4), torch.tensor(scores).float())


def pictures(*numbers: int) -> Pictures:
    return Pictures(*[(np.full((80, 80, 3), number, np.uint8), annotate(*WORLD[number][0])) for number in numbers])


@pytest.fixture(autouse=True)
def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Known, "seen", [])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        (0.01, 0.9),
        (0.25, 0.9),  # exactly one of four
        (0.26, 0.8),
        (0.5, 0.8),
        (0.75, 0.7),
        (0.76, 0.1),  # out of reach: the fourth is never found
        (1.0, 0.1),
    ],
)
def test_the_highest_threshold_that_keeps_the_recall(target: float, expected: float) -> None:
    assert threshold_for_recall(Known(PNet()), pictures(0, 1, 2, 3), target) == pytest.approx(expected)


def test_the_face_at_the_threshold_passes_it() -> None:
    threshold = threshold_for_recall(Known(PNet()), pictures(0, 1, 2, 3), 0.5)
    assert (torch.tensor([0.8]) >= threshold).all()


def test_a_whole_cascade_finds_at_a_threshold_what_its_curve_says() -> None:
    """The scores of what the lowest threshold lets pass would promise all four faces at .7."""
    squares = [(10, 10, 34, 34), (60, 20, 100, 60), (118, 62, 166, 110), (0, 120, 30, 150)]
    image, faces = picture(150, 200, *squares), torch.tensor(squares).float()
    cascade = replace(bright_cascade(), onet=DimONet().eval())
    curve = recall_curve(cascade, Pictures((image, annotate(*squares))), lowest=0.02)
    assert curve.name == "O-Net"
    for threshold, recall in ((0.02, 1), (0.6, 1), (0.66, 0.75), (0.68, 0.25), (0.7, 0)):
        (found,) = cascade.with_thresholds(0.6, 0.7, threshold).detect([image])
        reached = (iou(faces, found.boxes) >= 0.5).any(dim=1).float().mean()
        assert (curve.recall(threshold), float(reached)) == (recall, recall)


def test_never_below_the_lowest() -> None:
    assert threshold_for_recall(Known(PNet()), pictures(0, 1, 2, 3), 0.75, lowest=0.75) == 0.75
    assert threshold_for_recall(Known(PNet()), pictures(1), 1.0, lowest=0.25) == 0.25


def test_a_recall_out_of_reach_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    threshold_for_recall(Known(PNet()), pictures(0, 1, 2, 3), 0.5)
    threshold_for_recall(Known(PNet()), pictures(0, 1, 2, 3), 1.0, lowest=0.75)
    reached, missed = caplog.messages
    assert reached.endswith("(target 0.500)")
    assert missed.endswith("(target 1.000: out of reach, so the lowest is taken)")


def test_earlier_networks_run_at_their_own_thresholds() -> None:
    cascade = Known(PNet(), RNet(), thresholds=(0.6, 0.95, 0.5))
    assert threshold_for_recall(cascade, pictures(0), 1.0) == pytest.approx(0.9)
    assert Known.seen == [(0, (0.6, 0.1, 0.5))]


def test_a_spread_of_the_pictures_is_enough() -> None:
    source = pictures(0, 1, 1, 2, 2)
    assert threshold_for_recall(Known(PNet()), source, 1.0, images=2) == pytest.approx(0.7)
    assert [number for number, _ in Known.seen] == [0, 2]


def test_candidates_an_image_are_those_of_all_that_were_looked_at() -> None:
    """Also of the picture without a face, and of what lies on no face."""
    curve = recall_curve(Known(PNet()), pictures(0, 1, 2, 3))
    assert [curve.candidates(threshold) for threshold in (0.1, 0.9, 1)] == [7 / 4, 3 / 4, 0]


def test_without_a_face_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="no face in 2 images of the train split: nothing to measure recall on"):
        threshold_for_recall(Known(PNet()), pictures(3, 3), 0.97)


def test_a_share_that_is_a_whole_number_of_faces_asks_for_no_more() -> None:
    scores = np.linspace(1, 0.01, 100, dtype=np.float32)
    curve = RecallCurve("P-Net", scores, scores, images=1, lowest=0)
    assert curve.recall(curve.threshold(0.55)) == pytest.approx(0.55)  # 0.55 * 100 is a little more than 55


def test_a_face_that_no_candidate_finds_is_not_found_at_any_threshold() -> None:
    best = np.float32([0.9, 0.5, 0, 0])
    curve = RecallCurve("P-Net", best, best[:2], images=1, lowest=0)
    assert [curve.recall(threshold) for threshold in (0, 0.5, 0.9)] == [0.5, 0.5, 0.25]


def test_the_curve_of_rnet_counts_what_detection_shows_onet() -> None:
    """Mining takes more of its boxes of each face: a calibration by those promised twice as many candidates."""
    squares = [(10, 10, 34, 34), (60, 20, 100, 60), (118, 62, 166, 110), (0, 120, 30, 150)]
    image = picture(150, 200, *squares)
    whole = bright_cascade()
    shown = {step.name: len(step.found.scores) for step in whole.steps([image])}["rnet"]
    behind_pnet, source = replace(whole, onet=None), Pictures((image, annotate(*squares)))
    lowest = whole.thresholds[1]
    assert recall_curve(behind_pnet, source, lowest=lowest).candidates(lowest) == shown
    assert recall_curve(behind_pnet, source, lowest=lowest, mining=True).candidates(lowest) > shown
