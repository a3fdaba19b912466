"""O-Net, the output network (Zhang et al. 2016, fig. 2), without its landmarks."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from mtcnn_lit.nets.activation import MonotonePReLU
from mtcnn_lit.nets.pooling import MaxPool


class ONet(nn.Module):
    """Classifies a 48 px crop and refines its box; the last stage. One logit replaces the paper's softmax (see `PNet`).

    The crop has a margin (see `RNet`). In training, a quarter of the features of the face logit is dropped out, as the
    paper's authors do; theirs drops those of the box too, which needs it less.

    Logits are divided by ``temperature`` (Guo et al. 2017) because O-Net is over-confident: high scores become
    calibrated (docs/recipe.md), and do not saturate, so that a few digits still rank them.

    Shape:
        - Input: (N, 3, 48, 48), normalised by `mtcnn_lit.nets.normalize`
        - Output: face logits (N,) and box offsets (N, 4)
    """

    input_size: ClassVar[int] = 48
    context: ClassVar[float] = 1.3
    temperature: ClassVar[float] = 3.0

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 32, 3),
            MaxPool(3, 2),
            MonotonePReLU(32),
            nn.Conv2d(32, 64, 3),
            MaxPool(3, 2),
            MonotonePReLU(64),
            nn.Conv2d(64, 64, 3),
            MaxPool(2, 2),
            MonotonePReLU(64),
            nn.Conv2d(64, 128, 2),
            nn.PReLU(128),
            nn.Flatten(),
            nn.Linear(128 * 3 * 3, 256),
            nn.PReLU(256),
        )
        self.dropout = nn.Dropout(0.25)
        self.face = nn.Linear(256, 1)
        self.box = nn.Linear(256, 4)

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Face logits and box offsets of each crop."""
        features = self.features(crops)
        return self.face(self.dropout(features)).squeeze(1), self.box(features)
