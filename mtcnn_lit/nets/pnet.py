"""P-Net, the proposal network (Zhang et al. 2016, fig. 2)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from mtcnn_lit.nets.activation import MonotonePReLU
from mtcnn_lit.nets.pooling import MaxPool


class PNet(nn.Module):
    """Classifies every 12 px window of a picture at a stride of 2 px and regresses its box: fully convolutional.

    The paper's two-class softmax is one logit here: its sigmoid equals the softmax over (0, logit).

    Shape:
        - Input: (N, 3, H, W), normalised by `mtcnn_lit.nets.normalize`, H and W at least 12
        - Output: face logits (N, H', W') and box offsets (N, 4, H', W'); the value at (i, j) belongs to the window
          whose top left corner is (stride * i, stride * j)
    """

    input_size: ClassVar[int] = 12
    stride: ClassVar[int] = 2
    context: ClassVar[float] = 1.0

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 10, 3),
            MaxPool(2, 2),
            MonotonePReLU(10),
            nn.Conv2d(10, 16, 3),
            nn.PReLU(16),
            nn.Conv2d(16, 32, 3),
            nn.PReLU(32),
        )
        self.face = nn.Conv2d(32, 1, 1)
        self.box = nn.Conv2d(32, 4, 1)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Face logits and box offsets of every window."""
        features = self.features(images)
        return self.face(features).squeeze(1), self.box(features)
