from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import skimage.data
import torch

from mtcnn_lit import MTCNN
from mtcnn_lit.cascade import steps as module
from mtcnn_lit.live.detector import LiveDetector
from tests.bright_squares import bright_cascade, picture


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


def test_what_follows_a_network_counts_as_its_time_and_each_picture_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock goes on by a second with each step: P-Net has its NMS, O-Net one too, and a second look."""
    clock = itertools.count()
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    live = LiveDetector(SimpleNamespace(cascade=bright_cascade()))  # type: ignore[arg-type]
    for _ in range(2):
        live.detect(picture(60, 80, (20, 20, 50, 50)))
        assert live.times == {"P": 2, "R": 1, "O": 3}


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
