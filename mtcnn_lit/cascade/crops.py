"""Run R-Net or O-Net on the squares around candidates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mtcnn_lit.boxes import decode, mirror, square, widen
from mtcnn_lit.cascade.pyramid import Pyramid
from mtcnn_lit.detections import Candidates
from mtcnn_lit.images import Image
from mtcnn_lit.nets import ONet, RNet, half_precision, normalize
from mtcnn_lit.parallel import in_parallel, threads_allowed

# Pixels of a chunk of crops, 64 for R-Net and 16 for O-Net: bounds the memory, and keeps activations in the CPU's
# cache.
_CHUNK_PIXELS = 64 * 24 * 24
_GPU_CHUNKS = 64  # chunks at once on a GPU

# Fewest crops for each thread: fewer are not worth distributing.
_WORTH_SHARING = 3


class Predictions(NamedTuple):
    """A network's predictions for N crops.

    Attributes:
        squares: (N, 4) around the candidates, in pixels of the picture.
        logits: (N,) face logits.
        boxes: (N, 4) regressed.
    """

    squares: Tensor
    logits: Tensor
    boxes: Tensor


def run_on_crops(
    net: RNet | ONet, pyramids: Sequence[Pyramid], candidates: Candidates, mirrored: bool = False
) -> Predictions:
    """Run a network on the squares around the candidates, with its margin, cut from the candidates' images.

    Args:
        mirrored: mirror the crops; the predicted boxes are mirrored back.
    """
    squares = square(candidates.boxes)
    regions = widen(squares, net.context)
    boxes, image = regions.cpu().numpy(), candidates.image.cpu().numpy()  # once: each such copy synchronises with a GPU
    most = _CHUNK_PIXELS // net.input_size**2 * (_GPU_CHUNKS if squares.is_cuda else 1)
    chunks = _chunks(len(boxes), most, 1 if squares.is_cuda else threads_allowed())
    # Sorted by size, since crops of one octave of the pyramid are sampled together.
    order = np.lexsort((boxes[:, 2] - boxes[:, 0], image)) if len(chunks) > 1 else np.arange(len(boxes))

    def answer(chunk: slice) -> tuple[Tensor, Tensor]:
        chosen = order[chunk]
        crops = crop_images(pyramids, boxes[chosen], image[chosen], net.input_size)
        pixels = torch.from_numpy(crops).to(squares.device)
        logits, offsets = net(normalize(pixels.flip(2) if mirrored else pixels))
        return logits, mirror(offsets) if mirrored else offsets

    if squares.is_cuda:
        with half_precision(squares.device):
            predictions = [answer(chunk) for chunk in chunks]
    else:
        predictions = in_parallel(answer, chunks)
    back = torch.from_numpy(order.argsort()).to(squares.device)
    logits, offsets = (torch.cat(column)[back].float() for column in zip(*predictions, strict=True))
    return Predictions(squares, logits, decode(regions, offsets))


def _chunks(count: int, most: int, threads: int) -> list[slice]:
    """Slices of at most ``most`` items, shared evenly among the threads; a single one, perhaps empty, for few."""
    parts = math.ceil(count / most / threads) * threads if count >= _WORTH_SHARING * threads else 1
    size = max(1, math.ceil(count / parts))
    return [slice(start, start + size) for start in range(0, max(1, count), size)]


def crop_images(
    pyramids: Sequence[Pyramid], boxes: npt.NDArray[np.float32], image: npt.NDArray[np.int64], size: int
) -> Image:
    """Crop regions (N, 4) of the images with indices (N,). Shape: -> (N, size, size, 3) uint8 RGB."""
    crops = np.empty((len(boxes), size, size, 3), dtype=np.uint8)
    for number in np.unique(image):
        chosen = image == number
        crops[chosen] = pyramids[number].crops(boxes[chosen], size)
    return crops
