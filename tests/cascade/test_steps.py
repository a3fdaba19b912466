"""What each step of the cascade does with a network's answers, by networks that answer as a script says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pytest
import torch
from torch import Tensor

from mtcnn_lit import Detections
from mtcnn_lit.cascade import Cascade, Pyramid, size_prior
from mtcnn_lit.nets import ONet, PNet, RNet
from tests.bright_squares import picture

Offsets = tuple[float, float, float, float]
Window = tuple[int, int, float, Offsets]  # row and column in P-Net's map, logit, offsets
CropNet = TypeVar("CropNet", RNet, ONet)

STAY: Offsets = (0, 0, 0, 0)
SCORE = torch.tensor(2.0).sigmoid().item()


pytestmark = pytest.mark.usefixtures("logits_as_they_are")  # all boxes here are small; one test is about that


def pnet(levels: dict[int, list[Window]]) -> PNet:
    """A P-Net that finds faces in these windows of the levels of these heights, and nowhere else."""
    net = PNet()
    shapes = net.forward

    def forward(images: Tensor) -> tuple[Tensor, Tensor]:
        logits, offsets = (torch.zeros_like(output) for output in shapes(images))
        logits -= 20
        for row, column, logit, sides in levels.get(images.shape[2], []):
            logits[0, row, column] = logit
            offsets[0, :, row, column] = torch.tensor(sides)
        return logits, offsets

    net.forward = forward  # type: ignore[method-assign]
    return net


def scripted(
    net: CropNet, *answers: tuple[float, Offsets], again: Sequence[tuple[float, Offsets]] | None = None
) -> CropNet:
    """The network, made to answer its first crop, its second and so on with a logit and offsets.

    Args:
        again: O-Net's answers to its own detections, best first, and then to their mirror images; by default it says
            the same of each as before, and that the box should stay.
    """

    def columns(rows: Sequence[tuple[float, Offsets]]) -> tuple[Tensor, Tensor]:
        return torch.tensor([logit for logit, _ in rows]).float(), torch.tensor([sides for _, sides in rows]).float()

    if again is None:
        again = [(logit, STAY) for logit in sorted((logit for logit, _ in answers), reverse=True)]
    looked_at = [columns(answers), columns(again), columns(again)]  # as they are, and then in a mirror
    looks = itertools.cycle(looked_at if isinstance(net, ONet) else looked_at[:1])

    def answer(crops: Tensor) -> tuple[Tensor, Tensor]:
        scores, sides = next(looks)
        return scores[: len(crops)], sides[: len(crops)]

    net.forward = answer  # type: ignore[method-assign]
    net.context = 1.0  # type: ignore[misc]  # answers are about the square around a candidate
    return net


def detect(
    *nets: PNet | RNet | ONet,
    size: tuple[int, int] = (40, 60),
    min_face_size: float = 12,
    scale_factor: float = 0.1,  # a single level
    thresholds: tuple[float, float, float] = (0.5, 0.5, 0.5),
    last_nms: bool = True,
) -> Detections:
    first, second, third = (*nets, None, None)[:3]
    cascade = Cascade(first, second, third, min_face_size, scale_factor, thresholds)  # type: ignore[arg-type]
    image = picture(*size)
    return cascade.detect([image])[0] if last_nms else cascade.candidates(Pyramid(image), mining=True)


def assert_boxes(found: Detections, *expected: tuple[float, float, float, float]) -> None:
    torch.testing.assert_close(found.boxes, torch.tensor(expected).float(), atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize(
    ("size", "min_face_size", "level", "expected"),
    [
        # Row 3, column 5 is the window at x 10 to 22, y 6 to 18 of the level; its box x 11.2 to 25.6, y 8.4 to 22.8.
        ((40, 60), 12, 40, (11.2, 8.4, 25.6, 22.8)),
        ((40, 60), 24, 20, (22.4, 16.8, 51.2, 45.6)),
        ((40, 60), 6, 80, (5.6, 4.2, 12.8, 11.4)),
        # A scale of 0.6 makes 41 x 61 px into 25 x 37, which is 0.610 and 0.607.
        ((41, 61), 20, 25, (11.2 * 61 / 37, 8.4 * 41 / 25, 25.6 * 61 / 37, 22.8 * 41 / 25)),
    ],
)
def test_windows_of_pnet_in_pixels_of_the_picture(
    size: tuple[int, int], min_face_size: float, level: int, expected: tuple[float, float, float, float]
) -> None:
    net = pnet({level: [(3, 5, 2.0, (0.1, 0.2, 0.3, 0.4))]})
    found = detect(net, size=size, min_face_size=min_face_size)
    assert_boxes(found, expected)
    assert found.scores.tolist() == pytest.approx([SCORE])


@pytest.mark.parametrize(
    ("row", "column", "count"),
    [
        (1, 1, 1),  # 2 px off on both axes: IoU 100 / 188 = .53
        (0, 2, 2),  # 4 px off on one: exactly .5
    ],
)
def test_windows_of_a_level_that_overlap_by_more_than_a_half_are_one(row: int, column: int, count: int) -> None:
    found = detect(pnet({40: [(0, 0, 3.0, STAY), (row, column, 2.0, STAY)]}))
    assert len(found) == count
    assert_boxes(found.select(torch.tensor([0])), (0, 0, 12, 12))


@pytest.mark.parametrize(
    ("factor", "height", "row", "count"),
    [
        (0.9, 36, 5, 1),  # 12 to 24 px beside 11.1 to 24.4: IoU .81
        (0.83, 33, 5, 2),  # beside 12.1 to 26.7: IoU .66
        (0.8, 32, 5, 2),  # beside 12.5 to 27.5: IoU .56, above the .5 within a level, but not across levels
    ],
)
def test_windows_of_two_levels_that_nearly_coincide_are_one(factor: float, height: int, row: int, count: int) -> None:
    net = pnet({40: [(6, 6, 3.0, STAY)], height: [(row, row, 2.0, STAY)]})
    found = detect(net, size=(40, 40), scale_factor=factor, last_nms=False)
    assert len(found) == count
    assert_boxes(found.select(torch.tensor([0])), (12, 12, 24, 24))


def test_windows_of_two_levels_that_nearly_coincide_are_one_wherever_they_lead() -> None:
    net = pnet({40: [(6, 6, 3.0, STAY)], 36: [(5, 5, 2.0, (1, 1, 1, 1))]})
    assert_boxes(detect(net, size=(40, 40), scale_factor=0.9, last_nms=False), (12, 12, 24, 24))


def test_without_onet_the_last_nms_leaves_no_box_within_another_one() -> None:
    """The two windows of the test above that stay apart: one covers 12 to 24 px, the other one 12.5 to 27.5."""
    net = pnet({40: [(6, 6, 3.0, STAY)], 32: [(5, 5, 2.0, STAY)]})
    assert_boxes(detect(net, size=(40, 40), scale_factor=0.8), (12, 12, 24, 24))


def test_candidates_are_judged_in_a_square_about_their_centre() -> None:
    wide = pnet({40: [(3, 5, 2.0, (0, 0, 0.5, 0))]})  # x 10 to 28, y 6 to 18
    assert_boxes(detect(wide, scripted(RNet(), (2.0, STAY))), (10, 3, 28, 21))
    high = scripted(RNet(), (2.0, (1 / 3, 0, -1 / 3, 0)))  # x 16 to 22, y 3 to 21
    assert_boxes(detect(wide, high, scripted(ONet(), (2.0, STAY))), (10, 3, 28, 21))


def test_crops_of_rnet_that_nearly_coincide_are_one() -> None:
    """P-Net's windows lie apart, but its offsets lead both to the same place."""
    net = pnet({40: [(3, 3, 2.0, STAY), (3, 12, 1.0, (-1.5, 0, -1.5, 0))]})
    assert len(detect(net, last_nms=False)) == 2
    assert_boxes(detect(net, scripted(RNet(), (1.0, STAY), (2.0, (0.1, 0.1, 0.1, 0.1)))), (7.2, 7.2, 19.2, 19.2))


@pytest.mark.parametrize(("shift", "detected", "mined"), [(3, 1, 2), (5, 2, 2), (2, 1, 1)])
def test_of_crops_of_rnet_that_overlap_onet_learns_from_more_than_it_is_shown(
    shift: int, detected: int, mined: int
) -> None:
    """Crops of 12 px that lie 3 px apart have an IoU of .6, at 5 px of .41, at 2 px of .71; R-Net leads them apart."""
    away = (shift + 6 - 24) / 12
    net = pnet({40: [(3, 3, 2.0, STAY), (3, 12, 1.0, (away, 0, away, 0))]})
    apart = scripted(RNet(), (1.0, STAY), (2.0, (1, 0, 1, 0)))
    assert len(detect(net, apart)) == detected
    assert len(detect(net, apart, last_nms=False)) == mined


@pytest.mark.parametrize(
    ("logits", "inner", "expected"),
    [
        ((3.0, 2.0), (7, 7, 16, 16), [(6, 6, 18, 18)]),  # an IoU of 81/144: the better one
        ((2.0, 3.0), (7, 7, 16, 16), [(7, 7, 16, 16)]),
        (
            (3.0, 2.0),
            (8, 8, 16.25, 16.25),
            [(6, 6, 18, 18), (8, 8, 16.25, 16.25)],
        ),  # .473, though all of it lies inside
    ],
)
def test_of_boxes_that_overlap_by_more_than_a_half_the_better_stays(
    logits: tuple[float, float],
    inner: tuple[float, float, float, float],
    expected: list[tuple[float, float, float, float]],
) -> None:
    """O-Net leaves one crop and leads the other one into it."""
    apart = pnet({40: [(3, 3, 2.0, STAY), (3, 12, 1.0, STAY)]})  # x 6 to 18 and x 24 to 36
    inward = tuple((to - at) / 12 for to, at in zip(inner, (24, 6, 36, 18), strict=True))
    onet = scripted(ONet(), (logits[0], STAY), (logits[1], inward))  # type: ignore[arg-type]
    assert_boxes(detect(apart, scripted(RNet(), (2.0, STAY), (1.0, STAY)), onet), *expected)


@pytest.mark.parametrize("stage", [0, 1, 2])
@pytest.mark.parametrize(("above", "count"), [(0.0, 1), (1e-6, 0)])
def test_each_network_has_its_threshold_and_an_equal_score_passes(stage: int, above: float, count: int) -> None:
    thresholds = [0.5, 0.5, 0.5]
    thresholds[stage] = SCORE + above
    nets = (pnet({40: [(3, 5, 2.0, STAY)]}), scripted(RNet(), (2.0, STAY)), scripted(ONet(), (2.0, STAY)))
    assert len(detect(*nets, thresholds=(thresholds[0], thresholds[1], thresholds[2]))) == count


def test_scores_are_those_of_the_last_network_best_first() -> None:
    apart = pnet({40: [(3, 3, 3.0, STAY), (3, 12, 2.5, STAY)]})
    rnet = scripted(RNet(), (0.5, STAY), (1.0, STAY))
    assert detect(apart).scores.tolist() == pytest.approx(torch.tensor([3.0, 2.5]).sigmoid().tolist())
    assert detect(apart, rnet).scores.tolist() == pytest.approx(torch.tensor([1.0, 0.5]).sigmoid().tolist())
    found = detect(apart, rnet, scripted(ONet(), (0.1, STAY), (0.2, STAY)))  # R-Net's order: the right one first
    assert found.scores.tolist() == pytest.approx(torch.tensor([0.2, 0.1]).sigmoid().tolist())
    assert_boxes(found, (6, 6, 18, 18), (24, 6, 36, 18))


def test_a_crop_shows_the_square_and_a_margin() -> None:
    """A square of 12 px with a margin of 3 px on each side; the offsets are shares of all 18 px."""
    onet, shown = ONet(), []
    onet.context = 1.5  # type: ignore[misc]

    def answer(crops: Tensor) -> tuple[Tensor, Tensor]:
        shown.append(crops)
        return torch.full((len(crops),), 2.0), torch.tensor([[0.0, 0.0, 0.5, 0.5]]).repeat(len(crops), 1)

    onet.forward = answer  # type: ignore[method-assign]
    cascade = Cascade(pnet({40: [(3, 5, 2.0, STAY)]}), scripted(RNet(), (2.0, STAY)), onet, 12, 0.1, (0.5, 0.5, 0.5))
    image = picture(40, 60, (10, 6, 22, 18))  # as the window
    *_, nms, again = cascade.steps([image])
    bright = [8 <= pixel < 40 for pixel in range(48)]
    assert (shown[0][0, 0] > 0).any(dim=0).tolist() == bright
    assert (shown[0][0, 0] > 0).any(dim=1).tolist() == bright
    torch.testing.assert_close(nms.found.boxes, torch.tensor([[7.0, 3.0, 34.0, 30.0]]))
    # The second look is at 40.5 px from (0.25, -3.75) and leads to 60.75 px from there; the third, in the mirror, is at
    # 91.125 px from (-14.9375, -18.9375), and its answer lies half of that further left.
    torch.testing.assert_close(again.found.boxes[0, :2], torch.tensor([(0.25 - 60.5) / 2, (-3.75 - 18.9375) / 2]))


def test_onet_looks_again_at_what_it_found() -> None:
    """The box is the mean of a look as it is, and of one in a mirror at where that led; the logit that of all three.

    The first look leads to x 9 to 21, the second from there to x 15 to 21, the third from the square around that, x 12
    to 24, to x 12 to 18. What fails goes.
    """
    window = pnet({40: [(3, 3, 3.0, STAY), (3, 12, 2.5, STAY)]})
    right: Offsets = (0.25, 0, 0.25, 0)
    half: Offsets = (0.5, 0, 0, 0)  # the right one, and in the mirror the left one
    onet = scripted(ONet(), (2.0, right), (1.0, STAY), again=[(3.5, half), (-3.0, STAY)])
    found = detect(window, scripted(RNet(), (1.0, STAY), (0.5, STAY)), onet)
    assert found.scores.tolist() == pytest.approx([torch.tensor(3.0).sigmoid().item()])
    assert_boxes(found, (13.5, 6, 19.5, 18))


def test_a_box_that_others_agree_with_is_believed_more() -> None:
    """O-Net leads two of three crops to nearly the same place: the odds there are doubled."""
    apart = pnet({40: [(3, 3, 3.0, STAY), (3, 12, 2.5, STAY), (12, 12, 2.0, STAY)]})  # the second 18 px to the right
    onet = scripted(ONet(), (2.0, STAY), (1.0, (-1.5, 0, -1.5, 0.1)), (0.5, STAY), again=[(2.0, STAY), (0.5, STAY)])
    found = detect(apart, scripted(RNet(), (3.0, STAY), (2.0, STAY), (1.0, STAY)), onet)
    assert found.scores.logit().tolist() == pytest.approx([2 + math.log(2), 0.5], abs=1e-4)


@pytest.mark.parametrize("nets", [1, 2, 3])
@pytest.mark.parametrize(
    ("size", "min_face_size", "octaves"),
    [((40, 60), 12, math.log2(40 / 12)), ((80, 120), 24, math.log2(40 / 24)), ((160, 240), 48, 0)],
)
def test_each_network_is_believed_less_where_boxes_are_small(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], min_face_size: float, octaves: float, nets: int
) -> None:
    monkeypatch.setattr(size_prior, "_LOGIT_PER_OCTAVE", 1.0)
    every = (pnet({40: [(3, 5, 2.0, STAY)]}), scripted(RNet(), (2.0, STAY)), scripted(ONet(), (2.0, STAY)))
    found = detect(*every[:nets], size=size, min_face_size=min_face_size)
    assert found.scores.logit().tolist() == pytest.approx([2 - octaves], abs=1e-4)


def test_it_is_the_size_of_what_a_network_looks_at_by_which_it_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows of 48 px are not small, though R-Net leads to a box of 24 px in height."""
    monkeypatch.setattr(size_prior, "_LOGIT_PER_OCTAVE", 1.0)
    window, flat = pnet({40: [(3, 5, 2.0, STAY)]}), scripted(RNet(), (2.0, (0, 0.25, 0, -0.25)))
    found = detect(window, flat, size=(160, 240), min_face_size=48)
    assert found.scores.logit().tolist() == pytest.approx([2], abs=1e-4)


def test_onet_is_believed_in_the_end_by_the_size_of_what_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 48 px, not small, it makes 24 and then 12 px, a mean of 18: two of three looks are believed less for that."""
    monkeypatch.setattr(size_prior, "_LOGIT_PER_OCTAVE", 1.0)
    window, rnet = pnet({40: [(3, 5, 2.0, STAY)]}), scripted(RNet(), (2.0, STAY))
    onet = scripted(ONet(), (5.0, STAY), again=[(5.0, (0.25, 0.25, -0.25, -0.25))])
    found = detect(window, rnet, onet, size=(160, 240), min_face_size=48)
    assert found.scores.logit().tolist() == pytest.approx([5 - 2 * math.log2(40 / 18) / 3], abs=1e-4)


def test_a_first_look_that_has_no_doubt_can_be_overruled() -> None:
    """A score of exactly 1, as float32 has it from a logit of 17 on, is no infinite one."""
    window, rnet = pnet({40: [(3, 5, 2.0, STAY)]}), scripted(RNet(), (2.0, STAY))
    assert len(detect(window, rnet, scripted(ONet(), (40.0, STAY), again=[(40.0, STAY)]))) == 1
    assert len(detect(window, rnet, scripted(ONet(), (40.0, STAY), again=[(-40.0, STAY)]))) == 0


def test_the_last_look_is_in_a_mirror() -> None:
    onet, shown = ONet(), []

    def answer(crops: Tensor) -> tuple[Tensor, Tensor]:
        shown.append(crops)
        return torch.full((len(crops),), 2.0), torch.zeros(len(crops), 4)

    onet.forward = answer  # type: ignore[method-assign]
    onet.context = 1.0  # type: ignore[misc]
    cascade = Cascade(pnet({40: [(3, 5, 2.0, STAY)]}), scripted(RNet(), (2.0, STAY)), onet, 12, 0.1, (0.5, 0.5, 0.5))
    cascade.detect([np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)])
    first, again, turned = shown
    assert torch.equal(again, first)
    assert torch.equal(turned, first.flip(3))
    assert not torch.equal(turned, first)


def test_onet_is_not_as_sure_as_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logits of 3 in the first look and 6 in the others, and a vote for the box: 5 in all, a third of which counts."""
    monkeypatch.setattr("mtcnn_lit.nets.ONet.temperature", 3.0)
    onet = scripted(ONet(), (3.0, STAY), again=[(6.0, STAY)])
    window, rnet = pnet({40: [(3, 5, 2.0, STAY)]}), scripted(RNet(), (2.0, STAY))
    assert detect(window, rnet, onet).scores.logit().tolist() == pytest.approx([5 / 3], abs=1e-4)
    first_look = torch.tensor(1.0).sigmoid().item()
    assert len(detect(window, rnet, onet, thresholds=(0.5, 0.5, first_look - 1e-3))) == 1
    assert len(detect(window, rnet, onet, thresholds=(0.5, 0.5, first_look + 1e-3))) == 0


def test_rnet_may_leave_nothing_to_onet() -> None:
    net = pnet({40: [(3, 5, 2.0, STAY)]})
    found = detect(net, scripted(RNet(), (-9.0, STAY)), scripted(ONet(), (9.0, STAY)))
    assert (found.boxes.shape, found.scores.shape) == ((0, 4), (0,))
