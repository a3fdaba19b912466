"""Two processes that see a part of the images each end with the figures of one that sees them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from mtcnn_lit.metrics import IOU_RANGE, AveragePrecision, RecallBySize, WiderFaceAP
from tests.metrics.examples import EXAMPLES, EXAMPLES_AP, detections, tensor
from tests.metrics.widerface_examples import PICTURES, PICTURES_AP, truth
from tests.two_processes import in_two_processes


def _figures(share: Sequence[int]) -> dict[str, Any]:
    """All figures over a share of the examples; a metric of torchmetrics gathers when it is asked for them."""
    ap, recall, widerface = AveragePrecision(IOU_RANGE), RecallBySize(), WiderFaceAP(truth())
    for index in share:
        found, faces, ignored = EXAMPLES[index]
        ap.update([detections(found)], [tensor(faces)], [tensor(ignored)])
        recall.update([detections(found)], [tensor(faces)], [tensor(ignored)])
        name = list(PICTURES)[index]
        widerface.update([name], [detections(PICTURES[name].found)])
    return {
        "ap": ap.compute().item(),
        "found": [curve.found.tolist() for curve in ap.curves().values()],
        "recall": recall.counts(),
        "widerface": {name: figure.item() for name, figure in widerface.compute().items()},
        "shown": [curve.shown.tolist() for curve in widerface.curves().values()],
    }


@pytest.mark.filterwarnings("ignore:The ``compute`` method of metric")
@pytest.mark.parametrize("shares", [([0, 2], [1]), ([0, 1, 2], [])])  # in the second case, one process has no image
def test_two_processes_gather_to_the_same_as_one(shares: tuple[list[int], list[int]]) -> None:
    both = in_two_processes(_figures, shares)
    assert both[0] == both[1] == _figures([0, 1, 2])
    assert both[0]["ap"] == pytest.approx(EXAMPLES_AP)
    assert both[0]["widerface"] == pytest.approx(PICTURES_AP)
