"""A prior on the size of faces: small boxes are less likely to be faces."""

from __future__ import annotations

from torch import Tensor

# Chosen on held-out pictures (docs/recipe.md).
_LOGIT_PER_OCTAVE = 1.0
_NOT_SMALL = 40.0  # px


def size_prior(boxes: Tensor) -> Tensor:
    """The term that a box's size adds to the logit: -1 for each octave of its height below 40 px.

    In small boxes false faces are harder to tell apart and more frequent: a pyramid level has four times the windows of
    the one an octave above. The networks don't learn this, as training shows them all small faces but far fewer of the
    negatives.

    Shape: (N, 4) -> (N,)
    """
    heights = boxes[:, 3] - boxes[:, 1]
    return -_LOGIT_PER_OCTAVE * (_NOT_SMALL / heights.clamp(min=1, max=_NOT_SMALL)).log2()
