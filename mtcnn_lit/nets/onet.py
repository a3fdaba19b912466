"""O-Net, the output network (Zhang et al. 2016, fig. 2), without its landmarks."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from mtcnn_lit.nets.activation import MonotonePReLU
from mtcnn_lit.nets.pooling import MaxPool


class ONet(nn.Module):
    """Judges a 48 px crop for good. One logit stands for the paper's two-class softmax (see `PNet`).

    The crop has a margin (see `RNet`). Training drops a quarter of the features that the face logit is made of, as the
    paper's authors do; they drop the box's too, which needs it less.

    Its logits are divided by a ``temperature`` (Guo et al. 2017) before they become scores: it is surer than it is
    right. So high scores are right about as often as they say (docs/recipe.md), and a thousand faces that it is sure
    of keep their order in a few digits.

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
