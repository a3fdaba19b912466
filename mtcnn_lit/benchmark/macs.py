"""Multiply-accumulates: of the networks, by the shapes of their layers, and the rate of the machine."""

from __future__ import annotations

import functools
import statistics
import time
from typing import Any

import torch
from torch import Tensor, nn

from mtcnn_lit.cascade import pyramid_scales
from mtcnn_lit.nets import NETS, ONet, PNet, RNet

# Side of the matrices that measure the machine's rate: large enough to be compute-bound.
_MATRIX = 2048
_MULTIPLICATIONS = 3


@functools.cache
def net_macs(name: str, height: int, width: int) -> int:
    """Multiply-accumulates of a network's convolutions and linear layers for one input of that size.

    PReLU, pooling and normalisation are not counted, as is usual. Uses the meta device: only shapes are computed.

    Args:
        name: pnet, rnet or onet.
    """
    counts: list[int] = []

    def count(layer: nn.Module, _: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        counts.append(output.numel() * layer.weight[0].numel())

    with torch.device("meta"), torch.no_grad():
        net = NETS[name]()
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.register_forward_hook(count)
        net(torch.empty(1, 3, height, width))
    return sum(counts)


def cascade_macs(
    height: int, width: int, to_rnet: float, to_onet: float, *, min_face_size: float, scale_factor: float
) -> float:
    """Multiply-accumulates of the cascade in one picture: P-Net on each level, R-Net and O-Net on each crop.

    Args:
        to_rnet, to_onet: crops that these networks process in all.
    """
    scales = pyramid_scales(height, width, PNet.input_size, min_face_size, scale_factor)
    levels = [(round(height * scale), round(width * scale)) for scale in scales]
    rnet, onet = (net_macs(name, net.input_size, net.input_size) for name, net in (("rnet", RNet), ("onet", ONet)))
    return sum(net_macs("pnet", *level) for level in levels) + to_rnet * rnet + to_onet * onet


def matrix_rate(device: torch.device) -> float:
    """Multiply-accumulates a second of a large float32 matrix product: the median of three, after one to warm up."""
    a, b = torch.rand(2, _MATRIX, _MATRIX, device=device)
    seconds = []
    for _ in range(1 + _MULTIPLICATIONS):
        start = time.perf_counter()
        (a @ b)[0, 0].item()  # synchronises a GPU
        seconds.append(time.perf_counter() - start)
    return float(_MATRIX**3 / statistics.median(seconds[1:]))
