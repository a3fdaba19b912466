"""Masks of the patches that a loss or metric uses."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from mtcnn_lit.data.patches import Label


class Masks(NamedTuple):
    """The uses of N patches; those without a label have none.

    Attributes:
        is_face: (N,) bool, positives.
        judged: (N,) bool, positives and negatives: face or not.
        located: (N,) bool, positives and parts: with a face to regress to.
    """

    is_face: Tensor
    judged: Tensor
    located: Tensor


def masks_of(labels: Tensor) -> Masks:
    """The masks of labels (N,), a `Label` each."""
    is_face = labels == Label.POSITIVE
    return Masks(is_face, is_face | (labels == Label.NEGATIVE), is_face | (labels == Label.PART))
