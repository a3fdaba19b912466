"""Losses of the paper (section 2.2), masked by what each patch is good for."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

# Offsets of positives and parts stay below about 0.4: with a beta of 1 the loss would be plain L2 all the way.
_SMOOTH_L1_BETA = 0.1


def hard_example_loss(logits: Tensor, is_face: Tensor, mask: Tensor, keep: float) -> Tensor:
    """Binary cross-entropy over the hardest share of the patches (online hard example mining).

    Args:
        logits: (N,) face logits.
        is_face: (N,) bool.
        mask: (N,) bool, the patches that take part (positives and negatives; parts don't).
        keep: share of them, hardest first, whose loss is averaged; at least one patch.

    Returns:
        A scalar; 0 when no patch takes part.
    """
    losses = functional.binary_cross_entropy_with_logits(logits[mask], is_face[mask].to(logits.dtype), reduction="none")
    if losses.numel() == 0:
        return logits.sum() * 0
    hardest = max(1, int(keep * losses.numel()))
    return losses.topk(hardest).values.mean()


def box_loss(offsets: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
    """Smooth L1 between predicted and true offsets, summed over the four sides, averaged over the masked patches.

    Args:
        offsets: (N, 4) predictions.
        targets: (N, 4) true offsets.
        mask: (N,) bool, the patches with a face to regress to (positives and parts).

    Returns:
        A scalar; 0 when no patch takes part.
    """
    sides = functional.smooth_l1_loss(offsets, targets, reduction="none", beta=_SMOOTH_L1_BETA).sum(dim=1)
    return (sides * mask).sum() / mask.sum().clamp(min=1)
