"""Losses over masked patches: the paper's (section 2.2), and alternatives (configs/net)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor
from torch.nn import functional

from mtcnn_lit.boxes import offset_giou
from mtcnn_lit.errors import UserError

# Predictions, targets and mask, one row a patch -> scalar.
Loss: TypeAlias = Callable[[Tensor, Tensor, Tensor], Tensor]


def hard_example_loss(logits: Tensor, is_face: Tensor, mask: Tensor, keep: float = 0.7) -> Tensor:
    """Binary cross-entropy over the hardest share of the patches (online hard example mining; paper, section 2.2).

    Args:
        logits: (N,) face logits.
        is_face: (N,) bool.
        mask: (N,) bool, the patches that take part (positives and negatives; parts don't).
        keep: share of them, hardest first, whose loss is averaged; at least one patch.

    Returns:
        A scalar; 0 when no patch takes part.

    Raises:
        UserError: when the share is out of its range.
    """
    _check_share("net.classification_loss.keep", keep)
    losses = functional.binary_cross_entropy_with_logits(logits[mask], is_face[mask].to(logits.dtype), reduction="none")
    if losses.numel() == 0:
        return logits.sum() * 0
    hardest = max(1, int(keep * losses.numel()))
    return losses.topk(hardest).values.mean()


def focal_loss(logits: Tensor, is_face: Tensor, mask: Tensor, gamma: float = 2.0, alpha: float = 0.25) -> Tensor:
    """Binary cross-entropy of all patches, the easy ones by less, summed and divided by the number of faces.

    Lin et al., "Focal Loss for Dense Object Detection" (ICCV 2017), equation 5 and section 4.1.

    Args:
        logits: (N,) face logits.
        is_face: (N,) bool.
        mask: (N,) bool, the patches that take part (positives and negatives; parts don't).
        gamma: exponent of the weight (1 - p) ** gamma, p the probability of the true class, 0 or more; 0 is plain
            cross-entropy.
        alpha: weight of a face, from 0 to 1; of anything else 1 - alpha.

    Returns:
        A scalar; 0 when no patch takes part.

    Raises:
        UserError: when gamma or alpha is out of its range.
    """
    check_not_negative("net.classification_loss.gamma", gamma)
    _check_share("net.classification_loss.alpha", alpha)
    targets = is_face[mask].to(logits.dtype)
    weights = (1 - alpha) + targets * (2 * alpha - 1)
    wrong = logits[mask] * (1 - 2 * targets)  # the logit of the wrong answer
    # From the logit: a probability may round to 0, where a power below 1 has no slope.
    lacking = (gamma * functional.logsigmoid(wrong)).exp()
    return (weights * lacking * functional.softplus(wrong)).sum() / targets.sum().clamp(min=1)


def smooth_l1_loss(offsets: Tensor, targets: Tensor, mask: Tensor, beta: float = 0.1) -> Tensor:
    """Smooth L1 between predicted and true offsets, summed over the four sides, averaged over the masked patches.

    Args:
        offsets: (N, 4) predictions.
        targets: (N, 4) true offsets.
        mask: (N,) bool, the patches with a face to regress to (positives and parts).
        beta: where squares become lines, 0 or more. Offsets of positives and parts stay below about 0.4: with a beta of
            1 the loss would be the paper's plain squares all the way.

    Returns:
        A scalar; 0 when no patch takes part.

    Raises:
        UserError: when beta is out of its range.
    """
    check_not_negative("net.box_loss.beta", beta)
    sides = functional.smooth_l1_loss(offsets, targets, reduction="none", beta=beta).sum(dim=1)
    return _masked_mean(sides, mask)


def giou_loss(offsets: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """One minus the generalised IoU of the boxes that the offsets lead to, averaged over the masked patches.

    Rezatofighi et al., "Generalized Intersection over Union" (CVPR 2019), algorithm 1.

    Args:
        offsets: (N, 4) predictions.
        targets: (N, 4) true offsets.
        mask: (N,) bool, the patches with a face to regress to (positives and parts).

    Returns:
        A scalar; 0 when no patch takes part.
    """
    return _masked_mean(1 - offset_giou(offsets, targets), mask)


def _check_share(key: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise UserError(f"{key}: must be from 0 to 1, not {value}")


def check_not_negative(key: str, value: float) -> None:
    """Reject a setting below 0.

    Raises:
        UserError: naming the key.
    """
    if not value >= 0:  # nor a NaN
        raise UserError(f"{key}: must be 0 or more, not {value}")


def _masked_mean(losses: Tensor, mask: Tensor) -> Tensor:
    return (losses * mask).sum() / mask.sum().clamp(min=1)
