"""A world in which a bright square on dark ground is a face, and networks that were made by hand to find it."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.images import Image
from mtcnn_lit.nets import ONet, PNet, RNet

DARK, BRIGHT = 30, 230


def picture(height: int, width: int, *squares: tuple[int, int, int, int]) -> Image:
    """A dark picture with a bright square on each of the boxes x1 y1 x2 y2."""
    image = np.full((height, width, 3), DARK, np.uint8)
    for x1, y1, x2, y2 in squares:
        image[y1:y2, x1:x2] = BRIGHT
    return image


class BrightPNet(PNet):
    """Predictions to windows that are bright inside and dark at the rim; its box has room around the window."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        kernel = torch.full((1, 1, 12, 12), -1 / 80)
        kernel[..., 2:10, 2:10] = 1 / 64
        contrast = functional.conv2d(images.mean(dim=1, keepdim=True), kernel, stride=2)[:, 0]
        room = torch.tensor([-0.25, -0.25, 0.25, 0.25])[None, :, None, None]
        return 20 * (contrast - 0.2), room.expand(-1, -1, *contrast.shape[1:])


def bright_part(crops: Tensor) -> tuple[Tensor, Tensor]:
    """Logits that a whole bright square lies in each crop or fills it; the offsets that lead from the crop to it."""
    bright = crops.mean(dim=1) > 0
    inside = bright[:, 1:-1, 1:-1].sum(dim=(1, 2))
    at_the_rim = bright.sum(dim=(1, 2)) - inside
    share = inside / (bright.shape[1] * bright.shape[2])
    sides = []
    for lines in (bright.any(dim=1).float(), bright.any(dim=2).float()):  # columns, rows
        size = lines.shape[1]
        sides.append((lines.argmax(dim=1) / size, -lines.flip(1).argmax(dim=1) / size))
    (left, right), (top, bottom) = sides
    logits = torch.where((at_the_rim == 0) & (inside > 0), 20 * share, -10.0)
    logits = torch.where(bright.float().mean(dim=(1, 2)) > 0.9, 20.0, logits)
    return logits, torch.stack([left, top, right, bottom], dim=1)


class BrightRNet(RNet):
    """Leads to the square with some room around it."""

    context = 1.0

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        logits, offsets = bright_part(crops)
        size = (1 + offsets[:, 2:] - offsets[:, :2]).repeat(1, 2)
        return logits, offsets + size * torch.tensor([-0.25, -0.25, 0.25, 0.25])


class BrightONet(ONet):
    """Leads to the square itself."""

    context = 1.0

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        return bright_part(crops)


class DimONet(BrightONet):
    """Is less sure."""

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        logits, offsets = super().forward(crops)
        return 0.35 * logits - 1, offsets


def bright_cascade() -> Cascade:
    return Cascade(BrightPNet().eval(), BrightRNet().eval(), BrightONet().eval())
