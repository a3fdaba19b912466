from __future__ import annotations

import math
import re
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from mtcnn_lit.errors import UserError
from mtcnn_lit.losses import focal_loss, giou_loss, hard_example_loss, smooth_l1_loss

YES, NO = True, False


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


def test_cross_entropy_of_all_patches_by_hand() -> None:
    logits = torch.tensor([logit(0.8), logit(0.3), 0.0])
    loss = hard_example_loss(logits, torch.tensor([YES, NO, YES]), torch.tensor([YES, YES, YES]), keep=1.0)
    assert loss.item() == pytest.approx(-(math.log(0.8) + math.log(0.7) + math.log(0.5)) / 3)


@pytest.mark.parametrize("keep", [-0.1, 1.5, 70, math.nan])
def test_a_share_that_is_none(keep: float) -> None:
    with pytest.raises(UserError, match=rf"^net\.classification_loss\.keep: must be from 0 to 1, not {keep}$"):
        hard_example_loss(torch.zeros(2), torch.tensor([YES, NO]), torch.tensor([YES, YES]), keep=keep)


@pytest.mark.parametrize(
    ("loss", "settings", "complaint"),
    [
        (focal_loss, {"gamma": -1}, "net.classification_loss.gamma: must be 0 or more, not -1"),
        (focal_loss, {"gamma": math.nan}, "net.classification_loss.gamma: must be 0 or more, not nan"),
        (focal_loss, {"alpha": 3}, "net.classification_loss.alpha: must be from 0 to 1, not 3"),
        (focal_loss, {"alpha": -0.1}, "net.classification_loss.alpha: must be from 0 to 1, not -0.1"),
        (smooth_l1_loss, {"beta": -1}, "net.box_loss.beta: must be 0 or more, not -1"),
    ],
)
def test_a_setting_out_of_its_range(loss: Callable[..., Tensor], settings: dict[str, float], complaint: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(complaint)}$"):
        loss(torch.zeros(1, 4), torch.zeros(1, 4), torch.tensor([YES]), **settings)


@pytest.mark.parametrize(("keep", "kept"), [(1.0, 10), (0.7, 7), (0.69, 6), (0.5, 5), (0.01, 1), (0.0, 1)])
def test_the_hardest_share_is_kept(keep: float, kept: int) -> None:
    faces = torch.tensor([YES, NO] * 5)
    # The share that is right falls from patch to patch, so the last ones are the hardest.
    right = [0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2]
    logits = torch.tensor([logit(p) if face else logit(1 - p) for p, face in zip(right, faces, strict=True)])
    loss = hard_example_loss(logits, faces, torch.ones(10, dtype=torch.bool), keep)
    assert loss.item() == pytest.approx(-sum(math.log(p) for p in right[-kept:]) / kept, rel=1e-5)


def test_only_hard_examples_get_a_gradient() -> None:
    logits = torch.tensor([5.0, -5.0, 0.5, -0.5], requires_grad=True)
    hard_example_loss(logits, torch.tensor([YES, NO, YES, NO]), torch.ones(4, dtype=torch.bool), keep=0.5).backward()
    assert logits.grad is not None
    assert (logits.grad != 0).tolist() == [NO, NO, YES, YES]
    assert logits.grad[2].item() == pytest.approx(-logits.grad[3].item())


def test_masked_patches_count_neither_as_hard_nor_in_the_share() -> None:
    logits = torch.tensor([0.0, -9.0, 0.0, -9.0], requires_grad=True)  # the parts are all wrong
    mask = torch.tensor([YES, NO, YES, NO])
    loss = hard_example_loss(logits, torch.tensor([YES, YES, NO, YES]), mask, keep=0.7)  # int(0.7 * 2) = 1 patch
    loss.backward()
    assert loss.item() == pytest.approx(math.log(2))
    assert logits.grad is not None
    assert logits.grad[[1, 3]].tolist() == [0, 0]


def test_logits_far_out_stay_finite() -> None:
    mask = torch.tensor([YES, YES])
    assert hard_example_loss(torch.tensor([-500.0, 500.0]), torch.tensor([YES, NO]), mask, 1.0).item() == 500


def test_focal_loss_by_hand() -> None:
    """Equation 5 of its paper for two faces and two others; the part counts nowhere."""
    logits = torch.tensor([logit(0.8), logit(0.5), logit(0.1), logit(0.7), 9.0])
    mask = torch.tensor([YES, YES, YES, YES, NO])
    loss = focal_loss(logits, torch.tensor([YES, YES, NO, NO, NO]), mask, gamma=2, alpha=0.25)
    faces = 0.25 * (0.2**2 * -math.log(0.8) + 0.5**2 * -math.log(0.5))
    others = 0.75 * (0.1**2 * -math.log(0.9) + 0.7**2 * -math.log(0.3))
    assert loss.item() == pytest.approx((faces + others) / 2, rel=1e-5)


def test_focal_loss_without_focus_is_half_the_cross_entropy() -> None:
    logits, faces = torch.tensor([1.0, -2.0, 0.5, 3.0]), torch.tensor([YES, NO, NO, NO])
    everyone = torch.ones(4, dtype=torch.bool)
    loss = focal_loss(logits, faces, everyone, gamma=0, alpha=0.5)
    assert loss.item() == pytest.approx(hard_example_loss(logits, faces, everyone, keep=1.0).item() * 4 / 2, rel=1e-5)


@pytest.mark.parametrize("gamma", [0, 0.5, 2])
@pytest.mark.parametrize("certainty", [18, 200])  # from 17 on a sigmoid in float32 is 1
def test_focal_loss_draws_what_is_surely_wrong_and_lets_be_what_is_surely_right(gamma: float, certainty: int) -> None:
    logits = torch.tensor([1.0, -1, 1, -1]) * certainty
    logits.requires_grad_()
    loss = focal_loss(logits, torch.tensor([YES, NO, NO, YES]), torch.ones(4, dtype=torch.bool), gamma, alpha=0.25)
    loss.backward()
    assert loss.item() == pytest.approx((0.75 + 0.25) * certainty / 2)
    assert logits.grad is not None
    torch.testing.assert_close(logits.grad, torch.tensor([0, 0, 0.75, -0.25]) / 2, rtol=1e-4, atol=1e-4)


def test_what_is_not_said_is_as_in_the_papers() -> None:
    logits, faces = torch.tensor([1.0, -2.0, 0.5, 3.0, 2.0, -1.0, 0.0]), torch.tensor([YES, NO, NO, NO, YES, YES, NO])
    everyone = torch.ones(7, dtype=torch.bool)
    assert hard_example_loss(logits, faces, everyone) == hard_example_loss(logits, faces, everyone, keep=0.7)
    assert focal_loss(logits, faces, everyone) == focal_loss(logits, faces, everyone, gamma=2, alpha=0.25)


@pytest.mark.parametrize("count", [0, 3])
@pytest.mark.parametrize("classification_loss", [hard_example_loss, focal_loss])
@pytest.mark.parametrize("box_loss", [smooth_l1_loss, giou_loss])
def test_no_patch_that_takes_part_gives_0_with_a_gradient(
    classification_loss: Callable[..., Tensor], box_loss: Callable[..., Tensor], count: int
) -> None:
    nobody = torch.zeros(count, dtype=torch.bool)
    logits, offsets = torch.randn(count, requires_grad=True), torch.randn(count, 4, requires_grad=True)
    loss = classification_loss(logits, nobody, nobody) + box_loss(offsets, torch.zeros(count, 4), nobody)
    assert loss.item() == 0
    loss.backward()
    assert logits.grad is not None
    assert offsets.grad is not None
    assert not logits.grad.any()
    assert not offsets.grad.any()


@pytest.mark.parametrize(
    ("difference", "expected"),
    [
        (0.0, 0.0),
        (0.05, 0.0125),  # within 0.1 a parabola: d² / (2 * 0.1)
        (0.1, 0.05),
        (0.3, 0.25),  # beyond it a line: |d| - 0.1 / 2
        (-0.3, 0.25),
        (-2.0, 1.95),
    ],
)
def test_smooth_l1_by_hand(difference: float, expected: float) -> None:
    targets = torch.tensor([[0.2, -0.1, 0.0, 0.4]])
    offsets = targets + torch.tensor([[0.0, difference, 0.0, 0.0]])
    assert smooth_l1_loss(offsets, targets, torch.tensor([YES])).item() == pytest.approx(expected, abs=1e-6)


def test_box_loss_sums_sides_and_averages_over_the_patches_that_take_part() -> None:
    offsets = torch.tensor([[0.3, 0.3, 0.3, 0.3], [9.0, 9.0, 9.0, 9.0], [0.05, 0.0, 0.0, 0.0]], requires_grad=True)
    loss = smooth_l1_loss(offsets, torch.zeros(3, 4), torch.tensor([YES, NO, YES]))
    loss.backward()
    assert loss.item() == pytest.approx((4 * 0.25 + 0.0125) / 2)
    assert offsets.grad is not None
    torch.testing.assert_close(offsets.grad, torch.tensor([[0.5] * 4, [0.0] * 4, [0.25, 0, 0, 0]]))


def test_giou_loss_is_averaged_over_the_patches_that_take_part() -> None:
    offsets = torch.tensor([[0.0, 0, 0, 0], [9.0, 9, 9, 9], [0.0, 0, 0, 0]])
    targets = torch.tensor([[0.5, 0, 0.5, 0], [0.0, 0, 0, 0], [2.0, 0, 2, 0]])  # GIoU: 1/3, (-), -1/3
    assert giou_loss(offsets, targets, torch.tensor([YES, NO, YES])).item() == pytest.approx((2 / 3 + 4 / 3) / 2)


def test_giou_loss_draws_boxes_that_do_not_meet_together() -> None:
    offsets = torch.zeros(1, 4, requires_grad=True)
    giou_loss(offsets, torch.tensor([[2.0, 0, 2, 0]]), torch.tensor([YES])).backward()
    assert offsets.grad is not None
    assert offsets.grad[0, 2] < 0  # the right side moves towards the face on the right
