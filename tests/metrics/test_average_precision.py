from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch

from mtcnn_lit import Detections
from mtcnn_lit.metrics import IOU_RANGE, AveragePrecision
from tests.metrics.examples import (
    EXAMPLES,
    EXAMPLES_AP,
    HALF_OF_A,
    MOST_OF_A,
    NOWHERE,
    A,
    B,
    C,
    Example,
    detections,
    measure,
    tensor,
)


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


def test_over_a_range_it_is_the_mean_and_each_threshold_has_its_curve() -> None:
    metric = AveragePrecision(IOU_RANGE)
    # MOST_OF_A finds A up to .8, seven of ten thresholds; B is found at all of them.
    metric.update([detections([(MOST_OF_A, 0.9), (B, 0.8)])], [tensor([A, B])], [tensor([])])
    assert metric.compute().item() == pytest.approx((7 * 1 + 3 * (1 / 2 / 2)) / 10)
    curves = metric.curves()
    assert list(curves) == pytest.approx([0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95])
    assert [curve.found.tolist() for curve in curves.values()] == [[1, 2]] * 7 + [[0, 1]] * 3


def test_what_an_ignored_box_half_covers_is_ignored_at_the_low_thresholds_only() -> None:
    metric = AveragePrecision((0.5, 0.75))
    metric.update([detections([(A, 0.9), (B, 0.8)])], [tensor([B])], [tensor([HALF_OF_A])])
    assert [curve.shown.tolist() for curve in metric.curves().values()] == [[1], [1, 2]]
    assert metric.compute().item() == pytest.approx((1 + 1 / 2) / 2)


@pytest.mark.parametrize("thresholds", [0, -0.5, 1.01, (0.5, 1.01), ()])
def test_thresholds_out_of_range(thresholds: float | tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="iou_thresholds must lie above 0 and not above 1"):
        AveragePrecision(thresholds)


@pytest.mark.parametrize("threshold", [np.float32(0.75), torch.tensor(0.75), np.array([0.75]), [torch.tensor(0.75)]])
def test_thresholds_of_numpy_and_torch(threshold: Any) -> None:
    assert AveragePrecision(threshold).iou_thresholds == (0.75,)


def test_lists_of_different_lengths_are_refused_and_leave_nothing() -> None:
    metric = AveragePrecision()
    metric.update([detections([(A, 0.9)])], [tensor([A])], [tensor([])])
    with pytest.raises(ValueError, match="shorter"):
        metric.update([Detections.empty()] * 2, [tensor([B])], [tensor([])])
    assert metric.compute() == 1
