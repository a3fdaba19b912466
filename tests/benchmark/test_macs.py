"""Multiply-accumulates, counted by hand layer by layer: outputs times weights of each output."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mtcnn_lit import MTCNN
from mtcnn_lit.benchmark.macs import cascade_macs, matrix_rate, net_macs
from mtcnn_lit.benchmark.process import profile
from mtcnn_lit.sources import Synthetic

RNET = 22**2 * 28 * 27 + 9**2 * 48 * 252 + 3**2 * 64 * 192 + 576 * 128 + 128 * 5
ONET = 46**2 * 32 * 27 + 21**2 * 64 * 288 + 8**2 * 64 * 576 + 3**2 * 128 * 256 + 1152 * 256 + 256 * 5


@pytest.mark.parametrize(
    ("name", "height", "width", "macs"),
    [
        ("pnet", 12, 12, 10**2 * 10 * 27 + 3**2 * 16 * 90 + 32 * 144 + 5 * 32),
        ("pnet", 24, 12, 22 * 10 * 10 * 27 + 9 * 3 * 16 * 90 + 7 * 32 * 144 + 7 * 5 * 32),
        ("rnet", 24, 24, RNET),
        ("onet", 48, 48, ONET),
    ],
)
def test_networks(name: str, height: int, width: int, macs: int) -> None:
    assert net_macs(name, height, width) == macs


def test_the_totals_are_the_known_ones() -> None:
    sizes = {"pnet": 12, "rnet": 24, "onet": 48}
    counted = [net_macs(name, size, size) for name, size in sizes.items()]
    assert counted == [44_728, 1_530_640, 12_907_136]


def test_a_cascade_is_its_levels_and_its_candidates() -> None:
    """A picture of 48 by 24 at faces of 12 px and factor 1/2 has two levels: 48 by 24 and 24 by 12."""
    macs = cascade_macs(48, 24, 3, 2, min_face_size=12, scale_factor=0.5)
    assert macs == 1_179_544 + 131_656 + 3 * RNET + 2 * ONET


def test_what_a_picture_is_told_to_cost_is_what_the_layers_compute() -> None:
    cascade = MTCNN.from_pretrained(thresholds=(0.6, 0.1, 0.2), device="cpu").cascade
    counts: list[int] = []

    def count(layer: nn.Module, _: tuple[Any, ...], output: Tensor) -> None:
        assert isinstance(layer, nn.Conv2d | nn.Linear)
        counts.append(output.numel() * layer.weight[0].numel())

    for net in cascade.nets:
        for layer in net.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.register_forward_hook(count)
    source = Synthetic("test", num_images={"test": 1}, image_size=(160, 200), faces_per_image=(3, 3))
    told = profile(cascade, source.read(0))
    assert told.candidates["rnet"] > told.candidates["nms"] > 0
    assert told.macs == sum(counts)


def test_a_picture_without_levels_or_candidates_costs_nothing() -> None:
    assert cascade_macs(11, 40, 0, 0, min_face_size=12, scale_factor=0.5) == 0


def test_the_rate_of_matrices_is_that_of_a_computer() -> None:
    assert 1e8 < matrix_rate(torch.device("cpu")) < 1e15
