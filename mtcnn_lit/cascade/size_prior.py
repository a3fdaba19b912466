"""How much less a network is believed where a face would be small."""

from __future__ import annotations

from torch import Tensor

# Chosen on held-out pictures (docs/recipe.md).
_LOGIT_PER_OCTAVE = 1.0
_NOT_SMALL = 40.0  # px


def size_prior(boxes: Tensor) -> Tensor:
    """What the size of a box adds to a network's logit: -1 for each octave that it is lower than 40 px.

    The smaller the box, the less a face can be told from its look-alikes, and the more look-alikes a picture has: each
    pyramid level has four times the windows of the one an octave above. The networks, trained on as many small faces as
    there are and far fewer look-alikes, don't know of that.

    Shape: (N, 4) -> (N,)
    """
    heights = boxes[:, 3] - boxes[:, 1]
    return -_LOGIT_PER_OCTAVE * (_NOT_SMALL / heights.clamp(min=1, max=_NOT_SMALL)).log2()
