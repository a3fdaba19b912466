"""R-Net, the refinement network (Zhang et al. 2016, fig. 2)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from mtcnn_lit.nets.activation import MonotonePReLU
from mtcnn_lit.nets.pooling import MaxPool


class RNet(nn.Module):
    """Classifies a 24 px crop and refines its box. One logit replaces the paper's two-class softmax (see `PNet`).

    The crop is the square around a candidate, widened by ``context``: the surroundings help to reject false faces. The
    paper has the square alone.

    Shape:
        - Input: (N, 3, 24, 24), normalised by `mtcnn_lit.nets.normalize`
        - Output: face logits (N,) and box offsets (N, 4)
    """

    input_size: ClassVar[int] = 24
    context: ClassVar[float] = 1.3
    temperature: ClassVar[float] = 1.0  # see `ONet`

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 28, 3),
            MaxPool(3, 2),
            MonotonePReLU(28),
            nn.Conv2d(28, 48, 3),
            MaxPool(3, 2),
            MonotonePReLU(48),
            nn.Conv2d(48, 64, 2),
            nn.PReLU(64),
            nn.Flatten(),
            nn.Linear(64 * 3 * 3, 128),
            nn.PReLU(128),
        )
        self.face = nn.Linear(128, 1)
        self.box = nn.Linear(128, 4)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Face logits and box offsets of each crop."""
        features = self.features(crops)
        return self.face(features).squeeze(1), self.box(features)
