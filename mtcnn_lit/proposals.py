"""P-Net over an image pyramid: what it says of every window, and the windows of it that may hold a face."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor

from mtcnn_lit.boxes import decode
from mtcnn_lit.nets import PNet, half_precision, normalize
from mtcnn_lit.parallel import in_parallel
from mtcnn_lit.pyramid import Pyramid, pyramid_scales
from mtcnn_lit.size_prior import size_prior

# Windows of one pyramid level that go into its NMS, best first: bounds the time of a network that is barely trained.
_MOST_WINDOWS = 4096

# Pixels of a level that P-Net looks at at once on a CPU, and how wide that tile is at most: what passes between its
# layers stays in the processor's cache, and a large picture takes no more memory than a small one. Neighbours overlap,
# so a tile of a large picture should not be much wider than high.
_TILE_PIXELS = 2**16
_TILE_WIDTH = 640


class Level(NamedTuple):
    """P-Net's answers on one pyramid level of H' by W' windows.

    Attributes:
        scores: (H', W').
        offsets: (4, H', W').
        scale: (4,) pixels of the level for one pixel of the picture, along x, y, x and y.
    """

    scores: Tensor
    offsets: Tensor
    scale: Tensor


class Windows(NamedTuple):
    """Windows of all levels, best score first.

    Attributes:
        level, row, column: (N,) int64, the place in the levels' maps.
        scores: (N,) float32.
    """

    level: Tensor
    row: Tensor
    column: Tensor
    scores: Tensor

    def select(self, index: Tensor) -> Windows:
        """The windows at the given indices or where a mask holds."""
        return Windows(*(column[index] for column in self))


def look_at_levels(net: PNet, pyramid: Pyramid, min_face_size: float, scale_factor: float) -> list[Level]:
    """P-Net's answers on all levels of one picture, finest first."""
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
    """A multiple of the stride, at most ``most`` where that is one: the parts of a length are as equal as may be."""
    parts = math.ceil(length / max(stride, most // stride * stride))
    return math.ceil(length / parts / stride) * stride


def windows_above(levels: Sequence[Level], threshold: float, device: torch.device | None = None) -> Windows:
    """Windows whose score reaches the threshold, of each level at most the best 4,096.

    Args:
        device: where the levels are, or would be if the picture were not too small for any.
    """
    scores = torch.cat(
        [torch.zeros(0, dtype=torch.float32, device=device), *(level.scores.flatten() for level in levels)]
    )
    place = torch.nonzero(scores >= threshold).squeeze(1)
    shapes = [level.scores.shape for level in levels]
    ends = torch.tensor([shape.numel() for shape in shapes], dtype=torch.int64, device=place.device).cumsum(dim=0)
    if len(place) > _MOST_WINDOWS:
        of_levels = place.tensor_split(torch.searchsorted(place, ends).cpu())
        place = torch.cat([_best(of_level, scores) for of_level in of_levels])
    place = place[scores[place].argsort(descending=True, stable=True)]
    level = torch.searchsorted(ends, place, right=True)
    start, width = _layout(shapes, level)
    return Windows(level, (place - start) // width, (place - start) % width, scores[place])


def _best(place: Tensor, scores: Tensor) -> Tensor:
    """At most 4,096 of the places, those with the best scores."""
    return place if len(place) <= _MOST_WINDOWS else place[scores[place].topk(_MOST_WINDOWS).indices]


def window_boxes(net: PNet, levels: Sequence[Level], windows: Windows) -> tuple[Tensor, Tensor]:
    """The windows and the boxes that their offsets lead to, in pixels of the picture. Shape: -> twice (N, 4)."""
    if not levels:  # the picture is smaller than a window
        return windows.scores.new_zeros(0, 4), windows.scores.new_zeros(0, 4)
    top_left = torch.stack([windows.column, windows.row], dim=1) * net.stride
    scale = torch.stack([level.scale for level in levels])[windows.level]
    crops = torch.cat([top_left, top_left + net.input_size], dim=1) / scale
    # One flat map of all levels, so that a single gather fetches the offsets of every window.
    flat = torch.cat([level.offsets.flatten(1) for level in levels], dim=1)
    start, width = _layout([level.scores.shape for level in levels], windows.level)
    return crops, decode(crops, flat[:, start + windows.row * width + windows.column].T)


def suppress_neighbours(net: PNet, levels: Sequence[Level], windows: Windows, threshold: float) -> Tensor:
    """Greedy non-maximum suppression inside each level: which windows stay.

    Windows of a level are equal squares on a grid, so that a window can only suppress those a few steps away: each is
    compared with these neighbours instead of with all others, and the greedy rule is iterated to its fixed point
    (see `mtcnn_lit.boxes.nms`, whose result this is).

    Shape: N windows, best score first -> (N,) bool
    """
    if not levels:
        return torch.zeros_like(windows.scores, dtype=torch.bool)
    steps = _overlapping_steps(net.input_size, net.stride, threshold)
    count, device = len(windows.scores), windows.scores.device
    margin = max((max(abs(down), abs(right)) for down, right in steps), default=0)
    shapes = [torch.Size(side + 2 * margin for side in level.scores.shape) for level in levels]
    start, width = _layout(shapes, windows.level)
    place = start + (windows.row + margin) * width + windows.column + margin
    rank = torch.arange(count, device=device)
    rank_at = torch.full((sum(shape.numel() for shape in shapes),), count, device=device)
    rank_at[place] = rank
    down, right = torch.tensor(steps, device=device).reshape(-1, 2).T
    neighbours = rank_at[place[:, None] + width[:, None] * down + right]
    better = torch.where(neighbours < rank[:, None], neighbours, count)
    stays = torch.ones(count + 1, dtype=torch.bool, device=device)
    stays[count] = False  # stands for "no such window"
    while True:
        updated = ~stays[better].any(dim=1)
        if torch.equal(updated, stays[:count]):
            return updated
        stays[:count] = updated


def _layout(shapes: Sequence[torch.Size], level: Tensor) -> tuple[Tensor, Tensor]:
    """Where the map of each window's level starts when all maps lie one behind the other, and its width."""
    sizes = torch.tensor([[shape.numel(), shape[1]] for shape in shapes], device=level.device).reshape(-1, 2)
    return (sizes[:, 0].cumsum(dim=0) - sizes[:, 0])[level], sizes[level, 1]


@functools.cache
def _overlapping_steps(window: int, stride: int, threshold: float) -> list[tuple[int, int]]:
    """Steps (down, right) on the grid to the windows whose IoU with the one at (0, 0) is above the threshold."""
    reach = range(-(window // stride), window // stride + 1)
    steps = [(down, right) for down in reach for right in reach if (down, right) != (0, 0)]

    def overlaps(down: int, right: int) -> bool:
        shared = (window - stride * abs(down)) * (window - stride * abs(right))
        return shared > threshold * (2 * window**2 - shared)

    return [step for step in steps if overlaps(*step)]
