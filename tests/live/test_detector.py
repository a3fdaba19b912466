from __future__ import annotations

import pytest
import skimage.data
import torch

from mtcnn_lit import MTCNN
from mtcnn_lit.live.detector import LiveDetector


@pytest.fixture(scope="module")
def detector() -> MTCNN:
    return MTCNN.from_pretrained(device="cpu", min_face_size=24)


def test_it_finds_what_the_detector_finds_and_says_what_time_each_network_took(detector: MTCNN) -> None:
    live = LiveDetector(detector)
    assert live.times == {"P": 0, "R": 0, "O": 0}
    found, expected = live.detect(skimage.data.astronaut()), detector.detect(skimage.data.astronaut())
    assert torch.equal(found.boxes, expected.boxes)
    assert torch.equal(found.scores, expected.scores)
    assert all(seconds > 0 for seconds in live.times.values())
    first = live.times
    live.detect(skimage.data.astronaut())
    assert sum(live.times.values()) < 3 * sum(first.values())  # of this picture alone


def test_the_threshold_of_the_last_network_can_be_moved_within_bounds(detector: MTCNN) -> None:
    live = LiveDetector(detector)
    live.threshold = 0.5
    loose = live.detect(skimage.data.astronaut())
    live.threshold = 1.05
    assert live.threshold == 1
    strict = live.detect(skimage.data.astronaut())
    assert (strict.scores >= 1).all()
    assert len(strict) < len(loose)
    live.threshold = -0.05
    assert live.threshold == 0
    assert detector.cascade.thresholds == (0.65, 0.15, 0.5)
