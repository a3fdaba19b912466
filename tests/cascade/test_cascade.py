from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from mtcnn_lit import Detections
from mtcnn_lit.boxes import iou
from mtcnn_lit.cascade import Cascade, Pyramid, crops, windows
from mtcnn_lit.nets import ONet, PNet, RNet
from tests.bright_squares import BrightPNet, BrightRNet, DimONet, bright_cascade, picture

Square = tuple[int, int, int, int]

EVERYWHERE: list[Square] = [
    (60, 50, 84, 74),
    (40, 30, 137, 127),
    (0, 50, 24, 74),  # the four borders
    (120, 0, 160, 40),
    (170, 60, 200, 90),
    (60, 126, 84, 150),
    (0, 0, 30, 30),  # two corners
    (170, 120, 200, 150),
]


def assert_same(found: Detections, expected: Detections) -> None:
    torch.testing.assert_close(found.boxes, expected.boxes)
    torch.testing.assert_close(found.scores, expected.scores)


@pytest.mark.parametrize("square", EVERYWHERE)
def test_one_box_lands_on_the_face(square: Square) -> None:
    (found,) = bright_cascade().detect([picture(150, 200, square)])
    assert len(found) == 1
    # O-Net's crop has half a side of room: one of its 48 pixels is a 32nd of the face.
    torch.testing.assert_close(found.boxes[0], torch.tensor(square).float(), atol=(square[2] - square[0]) / 32, rtol=0)
    assert found.scores[0] > 0.9


def test_several_faces_best_first() -> None:
    squares = [(10, 10, 34, 34), (60, 20, 100, 60), (118, 62, 166, 110), (0, 120, 30, 150)]
    (found,) = bright_cascade().detect([picture(150, 200, *squares)])
    assert len(found) == 4
    best = iou(torch.tensor(squares).float(), found.boxes).amax(dim=1)
    assert (best > 0.85).all()
    assert (found.scores.diff() <= 0).all()


def test_no_face() -> None:
    (found,) = bright_cascade().detect([picture(150, 200)])
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0,))


@pytest.mark.parametrize("size", [(1, 1), (11, 400), (400, 3)])
def test_a_picture_below_the_window_has_no_face(size: tuple[int, int]) -> None:
    (found,) = bright_cascade().detect([picture(*size, (0, 0, 2, 2))])
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0,))


def test_no_pictures() -> None:
    assert bright_cascade().detect([]) == []


def test_faces_below_the_smallest_are_not_looked_for() -> None:
    image = picture(200, 200, (50, 50, 70, 70), (100, 100, 160, 160))
    small, large = replace(bright_cascade(), min_face_size=20), replace(bright_cascade(), min_face_size=60)
    assert [len(small.detect([image])[0]), len(large.detect([image])[0])] == [2, 1]


def test_pictures_of_mixed_sizes_equal_single_ones() -> None:
    images = [picture(150, 200, EVERYWHERE[0]), picture(5, 5), picture(90, 61, (20, 30, 50, 60)), picture(70, 300)]
    detector = bright_cascade()
    together = detector.detect(images)
    assert [len(found) for found in together] == [1, 0, 1, 0]
    for image, found in zip(images, together, strict=True):
        assert_same(found, detector.detect([image])[0])


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    image = picture(150, 200, (10, 10, 34, 34), (60, 20, 100, 60), (120, 60, 190, 130))
    whole, proposals = bright_cascade().detect([image])[0], Cascade(BrightPNet()).detect([image])[0]
    assert len(proposals) > 7  # so that there are several chunks, the last one not full
    monkeypatch.setattr(crops, "_CHUNK_PIXELS", 3 * 48 * 48)
    assert_same(bright_cascade().detect([image])[0], whole)


def test_the_best_windows_of_a_level_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one window a level, the face is still found: it is not just any window."""
    monkeypatch.setattr(windows, "_MOST_WINDOWS", 1)
    (found,) = bright_cascade().detect([picture(150, 200, EVERYWHERE[1])])
    assert len(found) == 1


def test_it_ends_with_the_last_network_that_is_there() -> None:
    square = (60, 50, 100, 90)
    image = picture(150, 200, square)
    pyramid = Pyramid(image)
    face = torch.tensor([square]).float()
    whole = bright_cascade()
    proposed = replace(whole, rnet=None, onet=None).candidates(pyramid)
    refined = replace(whole, onet=None).candidates(pyramid)
    (decided,) = whole.detect([image])
    assert len(proposed) > len(decided) == 1
    # R-Net's boxes have a quarter of room on each side, O-Net's none.
    torch.testing.assert_close(refined.boxes[:1], torch.tensor([[50.0, 40, 110, 100]]), atol=3, rtol=0)
    assert iou(face, decided.boxes).item() > 0.9 > iou(face, proposed.boxes).max().item()


@pytest.mark.parametrize("nets", [1, 2, 3])
def test_candidates_are_told_best_first(nets: int) -> None:
    image = picture(150, 200, (10, 10, 34, 34), (60, 20, 100, 60), (118, 62, 166, 110), (0, 120, 30, 150))
    detector = replace(bright_cascade(), onet=DimONet().eval()).with_thresholds(0.6, 0.7, 0.02)
    scores = detector.first(nets).candidates(Pyramid(image)).scores
    assert len(scores.unique()) > 3
    assert torch.equal(scores, scores.sort(descending=True).values)


def test_what_passes_is_what_each_threshold_lets_pass() -> None:
    """The scores at a low threshold would promise four faces at .7 and two at .85."""
    image = picture(150, 200, (10, 10, 34, 34), (60, 20, 100, 60), (118, 62, 166, 110), (0, 120, 30, 150))
    detector = replace(bright_cascade(), onet=DimONet().eval()).with_thresholds(0.6, 0.7, 0.02)
    (low,) = detector.detect([image])
    passing = detector.passing(image)
    assert (passing.scores >= 0.02).all()
    assert [int((low.scores >= threshold).sum()) for threshold in (0.02, 0.6, 0.7, 0.85)] == [5, 4, 4, 2]
    for threshold, count in ((0.02, 5), (0.6, 4), (0.66, 3), (0.68, 1), (0.7, 0), (0.85, 0)):
        (found,) = detector.with_thresholds(0.6, 0.7, threshold).detect([image])
        chosen = passing.select(passing.scores >= threshold)
        assert (len(found), len(chosen)) == (count, count)
        if count:
            assert (iou(found.boxes, chosen.boxes).amax(dim=1) > 0.99).all()


def test_nothing_passes_where_there_is_no_face() -> None:
    assert len(bright_cascade().passing(picture(60, 80))) == 0


def test_untrained_networks_give_well_formed_detections() -> None:
    torch.manual_seed(0)
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    detector = Cascade(PNet().eval(), RNet().eval(), ONet().eval(), thresholds=(0, 0, 0))
    (found,) = detector.detect([noise])
    assert len(found) > 0
    assert (found.scores.diff() <= 0).all()
    assert found.boxes.isfinite().all()


def test_callers_may_change_what_they_get() -> None:
    (found,) = bright_cascade().detect([picture(150, 200, EVERYWHERE[0])])
    assert not found.boxes.requires_grad
    found.boxes[:, 0] += 5  # tensors of inference mode would not allow it


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"min_face_size": 0}, "min_face_size must be a number of pixels from 1 on, not 0"),
        ({"min_face_size": -3}, "min_face_size must be a number of pixels from 1 on, not -3"),
        ({"min_face_size": 1e-4}, "min_face_size must be a number of pixels from 1 on, not 0.0001"),
        ({"min_face_size": math.nan}, "min_face_size must be a number of pixels from 1 on, not nan"),
        ({"min_face_size": math.inf}, "min_face_size must be a number of pixels from 1 on, not inf"),
        ({"scale_factor": 1}, r"scale_factor must be above 0 and \.99 at most, not 1"),
        ({"scale_factor": 0.991}, r"scale_factor must be above 0 and \.99 at most, not 0.991"),
        ({"scale_factor": 0}, r"scale_factor must be above 0 and \.99 at most, not 0"),
        ({"scale_factor": math.nan}, r"scale_factor must be above 0 and \.99 at most, not nan"),
        ({"thresholds": (0.5, 0.5, 1.5)}, r"thresholds must be three numbers from 0 to 1, not \(0.5, 0.5, 1.5\)"),
        ({"thresholds": (-0.1, 0.5, 0.5)}, "thresholds must be three numbers from 0 to 1"),
        ({"thresholds": (0.5, math.nan, 0.5)}, "thresholds must be three numbers from 0 to 1"),
        ({"thresholds": (0.5, 0.5)}, "thresholds must be three numbers from 0 to 1"),
        ({"onet": ONet()}, "O-Net needs R-Net before it"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Cascade(PNet(), **settings)


def test_with_thresholds_changes_the_first_ones() -> None:
    detector = Cascade(PNet(), BrightRNet(), thresholds=(0.1, 0.2, 0.3), min_face_size=33)
    assert detector.with_thresholds().thresholds == (0.1, 0.2, 0.3)
    assert detector.with_thresholds(0.9).thresholds == (0.9, 0.2, 0.3)
    assert detector.with_thresholds(0.9, 0.8, 0.7).thresholds == (0.9, 0.8, 0.7)
    changed = detector.with_thresholds(0.5)
    assert (changed.nets, changed.min_face_size) == (detector.nets, 33)
    with pytest.raises(ValueError, match="thresholds"):
        detector.with_thresholds(2.0)


def test_nets_in_order() -> None:
    pnet, rnet, onet = PNet(), RNet(), ONet()
    assert Cascade(pnet).nets == [pnet]
    assert Cascade(pnet, rnet, onet).nets == [pnet, rnet, onet]
    assert Cascade(pnet).device == torch.device("cpu")
