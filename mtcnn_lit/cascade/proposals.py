"""Run P-Net on an image pyramid."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import islice

import torch
from torch import Tensor

from mtcnn_lit.cascade.pyramid import Pyramid, pyramid_scales
from mtcnn_lit.cascade.size_prior import size_prior
from mtcnn_lit.cascade.windows import Level
from mtcnn_lit.nets import PNet, half_precision, normalize
from mtcnn_lit.parallel import in_parallel

# Pixels and largest width of a tile that P-Net computes at once on a CPU: activations stay in the cache, and large
# pictures take no more memory than small ones. Tiles overlap, so they should not be much wider than high.
_TILE_PIXELS = 2**16
_TILE_WIDTH = 640


def run_on_levels(net: PNet, pyramid: Pyramid, min_face_size: float, scale_factor: float) -> list[Level]:
    """P-Net's output on all levels of one picture, finest first."""
    device = net.face.weight.device
    scales = list(pyramid_scales(pyramid.height, pyramid.width, net.input_size, min_face_size, scale_factor))
    levels = [torch.from_numpy(pyramid.level(scale)).to(device) for scale in scales]
    true_scales = [2 * pyramid.true_scale(scale) for scale in scales]
    sides = torch.tensor(true_scales, dtype=torch.float32, device=device).reshape(-1, 4)
    priors = size_prior(torch.tensor([[0, 0, net.input_size, net.input_size]], device=device) / sides)
    answers = zip(_look(net, levels), priors, sides, strict=True)
    return [Level((logits + prior).sigmoid(), offsets, scale) for (logits, offsets), prior, scale in answers]


def _look(net: PNet, levels: Sequence[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """P-Net's logits and offsets of all windows, tile by tile. Shape: (H, W, 3) -> (H', W'), (4, H', W') for each."""
    tiles = [_tiles(net, pixels) for pixels in levels]

    def answer(tile: Tensor) -> tuple[Tensor, Tensor]:
        logits, offsets = net(normalize(tile))
        return logits, offsets

    every = [tile for level in tiles for row in level for tile in row]
    if levels and levels[0].is_cuda:
        with half_precision(levels[0].device):
            answers = iter([answer(tile) for tile in every])
    else:
        answers = iter(in_parallel(answer, every))
    found = []
    for level in tiles:
        rows = [zip(*islice(answers, len(row)), strict=True) for row in level]
        logits, offsets = zip(*([torch.cat(column, dim=-1) for column in row] for row in rows), strict=True)
        found.append((torch.cat(logits, dim=1)[0].float(), torch.cat(offsets, dim=2)[0].float()))
    return found


def _tiles(net: PNet, pixels: Tensor) -> list[list[Tensor]]:
    """A level (H, W, 3) cut into rows of tiles (1, h, w, 3), which overlap so that no window is missed."""
    overlap = net.input_size - net.stride
    height, width = (side - overlap for side in pixels.shape[:2])
    across, down = width, height
    if not pixels.is_cuda:
        across = _even_parts(width, _TILE_WIDTH - overlap, net.stride)
        down = _even_parts(height, _TILE_PIXELS // (across + overlap) - overlap, net.stride)
    return [
        [pixels[None, top : top + down + overlap, left : left + across + overlap] for left in range(0, width, across)]
        for top in range(0, height, down)
    ]


def _even_parts(length: int, most: int, stride: int) -> int:
    """The length of nearly equal parts: a multiple of the stride, at most ``most`` (but at least one stride)."""
    parts = math.ceil(length / max(stride, most // stride * stride))
    return math.ceil(length / parts / stride) * stride
