"""Geometry of boxes: pure functions on tensors.

A box is float32 ``x1 y1 x2 y2`` in pixels of the original image, without the +1 convention: a box covers
``x2 - x1`` by ``y2 - y1`` pixels. ``Shape:`` lines use N and M for numbers of boxes.
"""

from __future__ import annotations

import torch
from torch import Tensor

# Boxes that one step of NMS compares with each other: large enough to keep the work in vectorised operations,
# small enough that the matrix (N x block) of a crowd stays in the cache.
_NMS_BLOCK = 512


def area(boxes: Tensor) -> Tensor:
    """Area in square pixels; inverted boxes count as empty. Shape: (N, 4) -> (N,)."""
    return (boxes[:, 2] - boxes[:, 0]).clamp(min=0) * (boxes[:, 3] - boxes[:, 1]).clamp(min=0)


def intersection(a: Tensor, b: Tensor) -> Tensor:
    """Pairwise intersection in square pixels. Shape: (N, 4), (M, 4) -> (N, M)."""
    # One contiguous row for each coordinate, so that comparisons are vectorised.
    left_a, top_a, right_a, bottom_a = a.T.contiguous()[:, :, None]
    left_b, top_b, right_b, bottom_b = b.T.contiguous()
    # One axis after the other and in place: less memory traffic than one (N, M, 2) tensor.
    width = torch.minimum(right_a, right_b).sub_(torch.maximum(left_a, left_b)).clamp_(min=0)
    height = torch.minimum(bottom_a, bottom_b).sub_(torch.maximum(top_a, top_b)).clamp_(min=0)
    return width.mul_(height)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Pairwise intersection over union; 0 for empty boxes. Shape: (N, 4), (M, 4) -> (N, M)."""
    shared = intersection(a, b)
    union = (area(a)[:, None] + area(b)).sub_(shared)
    return shared.div_(union.clamp_(min=torch.finfo(union.dtype).tiny))  # an empty box shares nothing


def coverage(boxes: Tensor, regions: Tensor) -> Tensor:
    """Largest share of each box that one of the regions covers. Shape: (N, 4), (M, 4) -> (N,)."""
    if len(regions) == 0:
        return boxes.new_zeros(len(boxes))
    own = area(boxes)
    shared = intersection(boxes, regions).amax(dim=1)
    return torch.where(own > 0, shared / own.clamp(min=torch.finfo(own.dtype).tiny), 0.0)


def nms(boxes: Tensor, scores: Tensor, threshold: float) -> Tensor:
    """Greedy non-maximum suppression: indices of the boxes kept, best score first.

    A box is removed when its IoU with a better box that is kept exceeds ``threshold``; equal scores keep their order.
    Boxes are taken in blocks: a block is first compared with the boxes kept so far, then with itself, where the greedy
    rule is iterated to its fixed point. That gives exactly the greedy result (each round settles at least one more
    box, in practice all of them within a few rounds) in vectorised steps on any device.

    Shape: (N, 4), (N,) -> (K,) int64
    """
    order = scores.argsort(descending=True, stable=True)
    kept = order[:0]
    for block in order.split(_NMS_BLOCK):
        if len(kept):
            block = block[~_overlap_above(boxes[block], boxes[kept], threshold).any(dim=1)]
        suppresses = _overlap_above(boxes[block], boxes[block], threshold).triu_(diagonal=1)
        stays = _greedy_fixed_point(suppresses)
        kept = torch.cat([kept, block[stays]])
    return kept


def count_overlapping(boxes: Tensor, others: Tensor, threshold: float) -> Tensor:
    """How many of the others each box overlaps by an IoU above ``threshold``. Shape: (N, 4), (M, 4) -> (N,) int64."""
    counts = [_overlap_above(block, others, threshold).sum(dim=1) for block in boxes.split(_NMS_BLOCK)]
    return torch.cat(counts)


def _overlap_above(a: Tensor, b: Tensor, threshold: float) -> Tensor:
    """Where `iou` is above a threshold, without its division. Shape: (N, 4), (M, 4) -> (N, M) bool."""
    shared, area_a, area_b = intersection(a, b), area(a)[:, None], area(b)
    return shared.mul_(1 + threshold) > area_a * threshold + area_b * threshold


def _greedy_fixed_point(suppresses: Tensor) -> Tensor:
    """Which boxes are kept, where ``suppresses[i, j]`` says that i, if kept, removes j > i.

    Shape: (N, N) bool -> (N,) bool
    """
    stays = torch.ones(len(suppresses), dtype=torch.bool, device=suppresses.device)
    while True:
        updated = ~(suppresses & stays[:, None]).any(dim=0)
        if torch.equal(updated, stays):
            return stays
        stays = updated


def square(boxes: Tensor) -> Tensor:
    """The square of the longer side around each box's centre (paper's authors: ``rerec``). Shape: (N, 4) -> (N, 4)."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    half = (boxes[:, 2:] - boxes[:, :2]).amax(dim=1, keepdim=True) / 2
    return torch.cat([centre - half, centre + half], dim=1)


def widen(boxes: Tensor, factor: float) -> Tensor:
    """Boxes around the same centres, with sides ``factor`` times as long. Shape: (N, 4) -> (N, 4)."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) * (factor / 2)
    return torch.cat([centre - half, centre + half], dim=1)


def clip(boxes: Tensor, height: int, width: int) -> Tensor:
    """Boxes cut at the border of a picture. Shape: (N, 4) -> (N, 4)."""
    limits = boxes.new_tensor([width, height, width, height])
    return torch.minimum(boxes.clamp(min=0), limits)


def encode(crops: Tensor, faces: Tensor) -> Tensor:
    """Offsets from crops to faces, per side: (face - crop) / crop size. Shape: (N, 4), (N, 4) -> (N, 4)."""
    return (faces - crops) / _sizes(crops)


def decode(crops: Tensor, offsets: Tensor) -> Tensor:
    """Boxes from crops and offsets; the inverse of `encode`. Shape: (N, 4), (N, 4) -> (N, 4)."""
    return crops + offsets * _sizes(crops)


def _sizes(boxes: Tensor) -> Tensor:
    """Width, height, width, height of each box. Shape: (N, 4) -> (N, 4)."""
    size = boxes[:, 2:] - boxes[:, :2]
    return torch.cat([size, size], dim=1)  # faster than repeat


def mirror(offsets: Tensor) -> Tensor:
    """Offsets of the same faces in mirrored crops. Shape: (N, 4) -> (N, 4)."""
    left, top, right, bottom = offsets.unbind(dim=1)
    return torch.stack([-right, top, -left, bottom], dim=1)


def offset_iou(offsets: Tensor, targets: Tensor) -> Tensor:
    """IoU of the boxes that two sets of offsets give from the same crops. Shape: (N, 4), (N, 4) -> (N,)."""
    shared, either = _shared_and_either(*_from_one_crop(offsets, targets))
    return shared / either


def offset_giou(offsets: Tensor, targets: Tensor) -> Tensor:
    """Generalised IoU of the boxes that two sets of offsets give from the same crops, from -1 (far apart) to 1.

    The IoU minus the empty share of the enclosing box, so that disjoint boxes have a gradient (Rezatofighi et al.
    2019).

    Shape: (N, 4), (N, 4) -> (N,)
    """
    a, b = _from_one_crop(offsets, targets)
    shared, either = _shared_and_either(a, b)
    around = _area_between(torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])).clamp(min=1e-9)
    return shared / either - (around - either) / around


def _from_one_crop(*offsets: Tensor) -> list[Tensor]:
    """The boxes of sets of offsets, in units of the crop's size. Shape of each: (N, 4) -> (N, 4)."""
    crop = torch.tensor([[0.0, 0.0, 1.0, 1.0]], device=offsets[0].device)
    return [decode(crop, each) for each in offsets]


def _shared_and_either(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Intersection and union of each pair of boxes, the union never 0. Shape: (N, 4), (N, 4) -> (N,), (N,)."""
    shared = _area_between(torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:]))
    return shared, (area(a) + area(b) - shared).clamp(min=1e-9)


def _area_between(low: Tensor, high: Tensor) -> Tensor:
    """Areas from top left corners to bottom right ones. Shape: (N, 2), (N, 2) -> (N,)."""
    return area(torch.cat([low, high], dim=1))
