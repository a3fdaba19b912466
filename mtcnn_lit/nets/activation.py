"""The activation that follows a pooling."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class MonotonePReLU(nn.PReLU):
    """PReLU whose negative slopes count as 0, so that it never falls.

    The paper's networks pool after the activation. Of a function that never falls, the largest value in a window is
    the function of the largest: pooling first gives the same, with a quarter of the activation's work.
    """

    def forward(self, features: Tensor) -> Tensor:
        """Shape: (N, C, ...) -> the same."""
        return functional.prelu(features, self.weight.clamp(min=0))
