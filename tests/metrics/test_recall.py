from __future__ import annotations

import math

import pytest
import torch

from mtcnn_lit.face_sizes import SIZES
from mtcnn_lit.metrics import RecallBySize
from tests.metrics.examples import HALF_OF_A, NOWHERE, A, B, Box, detections, tensor


def face(x: float, height: float) -> Box:
    return (x, 0, x + 10, height)


def test_recall_and_counts_by_hand() -> None:
    metric = RecallBySize()
    # In the first image one of two small faces, with its duplicate, and the tall one; in the second one of 12-20.
    found = detections([(A, 0.9), (HALF_OF_A, 0.8), (face(40, 90), 0.01), (NOWHERE, 0.7)])
    metric.update([found], [tensor([A, B, face(40, 100)])], [tensor([])])
    metric.update([detections([(face(0, 15), 0.5)])], [tensor([face(0, 15), face(50, 12)])], [tensor([])])
    assert metric.counts() == {"<12": (1, 2), "12-20": (1, 2), "20-40": (0, 0), "40-80": (0, 0), ">80": (1, 1)}
    recall = metric.compute()
    assert list(recall) == list(SIZES)
    assert [recall[name].item() for name in ("<12", "12-20", ">80")] == [0.5, 0.5, 1]
    assert math.isnan(recall["20-40"].item())


def test_ignored_boxes_need_not_be_found_and_another_threshold_asks_for_more() -> None:
    for threshold, found in ((0.5, 1), (0.51, 0)):
        metric = RecallBySize(threshold)
        metric.update([detections([(HALF_OF_A, 0.9)])], [tensor([A])], [tensor([B])])
        assert metric.counts()["<12"] == (found, 1)


def test_a_face_is_found_from_an_iou_of_a_half_on() -> None:
    metric = RecallBySize()
    for shown in (HALF_OF_A, (0.0, 0.0, 10.0, 4.9)):
        metric.update([detections([(shown, 0.9)])], [tensor([A])], [tensor([])])
    assert metric.counts()["<12"] == (1, 2)


def test_images_without_faces_or_detections() -> None:
    metric = RecallBySize()
    metric.update([detections([(A, 0.9)]), detections([])], [torch.empty(0, 4), tensor([A])], [tensor([]), tensor([])])
    assert metric.counts()["<12"] == (0, 1)


@pytest.mark.parametrize("threshold", [0, -0.5, 1.01, 50])
def test_a_threshold_out_of_range(threshold: float) -> None:
    with pytest.raises(ValueError, match=f"^iou_threshold must lie above 0 and not above 1, not {threshold}$"):
        RecallBySize(threshold)


def test_lists_of_different_lengths_are_refused_and_leave_nothing() -> None:
    metric = RecallBySize()
    with pytest.raises(ValueError, match="shorter"):
        metric.update([detections([])] * 2, [tensor([B])], [tensor([])])
    assert metric.counts()["<12"] == (0, 0)
