"""Windows of P-Net on the pyramid levels: those above a threshold, their boxes and their NMS."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mtcnn_lit.boxes import decode, nms
from mtcnn_lit.detections import Candidates
from mtcnn_lit.nets import PNet

# Most windows of one pyramid level that go into its NMS: bounds the time with a barely trained network.
_MOST_WINDOWS = 4096


class Level(NamedTuple):
    """P-Net's output on one pyramid level of H' by W' windows.

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


def windows_above(levels: Sequence[Level], threshold: float, device: torch.device | None = None) -> Windows:
    """Windows whose score reaches the threshold, of each level at most the best 4,096.

    Args:
        device: of the levels; used if the picture is too small for any.
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
    """The windows and their regressed boxes, in pixels of the picture. Shape: -> twice (N, 4)."""
    if not levels:  # the picture is smaller than a window
        return windows.scores.new_zeros(0, 4), windows.scores.new_zeros(0, 4)
    top_left = torch.stack([windows.column, windows.row], dim=1) * net.stride
    scale = torch.stack([level.scale for level in levels])[windows.level]
    crops = torch.cat([top_left, top_left + net.input_size], dim=1) / scale
    # One flat map of all levels, so that a single gather fetches the offsets of every window.
    flat = torch.cat([level.offsets.flatten(1) for level in levels], dim=1)
    start, width = _layout([level.scores.shape for level in levels], windows.level)
    return crops, decode(crops, flat[:, start + windows.row * width + windows.column].T)


def moved_windows(net: PNet, levels: Sequence[Sequence[Level]], windows: Sequence[Windows]) -> Candidates:
    """The regressed boxes of the windows of each image."""
    boxes = [window_boxes(net, *each)[1] for each in zip(levels, windows, strict=True)]
    image = [torch.full_like(each.level, number) for number, each in enumerate(windows)]
    return Candidates(torch.cat(boxes), torch.cat([each.scores for each in windows]), torch.cat(image))


def suppress(
    net: PNet, levels: Sequence[Level], windows: Windows, *, in_level: float, across_levels: float | None
) -> Tensor:
    """Non-maximum suppression of one image's windows: inside each level, then across the levels.

    Args:
        in_level, across_levels: IoU above which the worse of two windows is suppressed; None where no two overlap that
            far.

    Shape: N windows, best score first -> (N,) bool, which stay
    """
    stays = suppress_neighbours(net, levels, windows, in_level)
    if across_levels is None:
        return stays
    left = windows.select(stays)
    crops, _ = window_boxes(net, levels, left)
    across = torch.zeros_like(left.scores, dtype=torch.bool)
    across[nms(crops, left.scores, across_levels)] = True
    return stays.masked_scatter(stays, across)


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
    """The start of each window's level in the flat concatenation of all maps, and the level's width."""
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
