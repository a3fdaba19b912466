from __future__ import annotations

import math

import pytest
import torch

from mtcnn_lit.evaluation import SplitDetections, score
from mtcnn_lit.metrics import WiderFaceTruth
from mtcnn_lit.metrics.widerface_truth import ImageTruth
from tests.evaluation.examples import ELSEWHERE, MIDDLE, TALL, detections, found_by_hand
from tests.mining.pictures import Pictures


def test_figures_by_hand() -> None:
    scores = score(found_by_hand())
    # Of four faces the first is found at precision 1, the second at 2/3; all boxes fit exactly.
    assert scores.ap == pytest.approx(((1 + 2 / 3) / 4, (1 + 2 / 3) / 4))
    assert [mask.tolist() for mask in scores.wrong] == [[False, False], [True, False]]
    assert [mask.tolist() for mask in scores.missed] == [[True, False], [False, True]]
    figures = scores.figures()
    assert figures["faces"] == 4
    assert figures["recall_by_height"] == {
        "<12": {"found": 0, "faces": 1},
        "12-20": {"found": 0, "faces": 0},
        "20-40": {"found": 1, "faces": 1},
        "40-80": {"found": 0, "faces": 0},
        ">80": {"found": 1, "faces": 2},
    }
    assert figures["right_by_score"] == {
        "0.9": {"shown": 1, "right": 1},
        "0.8": {"shown": 1, "right": 0},
        "0.7": {"shown": 0, "right": 0},  # the one there is about an ignored face
        "0.6": {"shown": 1, "right": 1},
        "0.5": {"shown": 0, "right": 0},
    }
    assert figures["recall_at_false_positives"] == {"10": 0.5, "100": 0.5, "1000": 0.5}
    assert not {"easy", "medium", "hard"} & set(figures)


def test_loose_boxes_lower_the_ap_over_all_overlaps_alone() -> None:
    found = found_by_hand()
    loose = (TALL[0], TALL[1], TALL[2], TALL[3] - 18)  # IoU .8: right at seven of ten thresholds
    first = detections((loose, 0.9))
    scores = score(SplitDetections(found.source, [0, 1], [first, detections((MIDDLE, 0.6))]))
    assert scores.ap[0] == 0.5
    assert scores.ap[1] == pytest.approx((7 * 0.5 + 3 * 0.125) / 10)


def test_the_official_protocol_for_pictures_that_it_knows() -> None:
    found = found_by_hand()
    boxes = [torch.from_numpy(annotation.faces).double() for annotation in found.source.annotations]
    counts = [torch.tensor([[False, True]] * 2 + [[True, True]]), torch.tensor([[True, False]] * 2 + [[True, True]])]
    truth = WiderFaceTruth({"a picture": ImageTruth(boxes[0], counts[0])})
    scores = score(SplitDetections(found.source, [0], [detections((TALL, 0.9), (ELSEWHERE, 0.7))]), truth)
    assert scores.figures()["easy"] == pytest.approx(1)
    assert scores.figures()["hard"] == pytest.approx(0.5)


def test_nothing_found_and_nothing_there() -> None:
    found = found_by_hand()
    nothing = score(SplitDetections(found.source, [0, 1], [detections(), detections()]))
    assert nothing.ap == (0, 0)
    empty = score(SplitDetections(Pictures(), [], []))
    assert math.isnan(empty.ap[0])
