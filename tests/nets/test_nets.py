from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from mtcnn_lit.nets import ONet, PNet, RNet, normalize
from mtcnn_lit.nets.activation import MonotonePReLU


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        # The authors' networks, less the second output of their softmax and, in O-Net, the ten of the landmarks.
        (PNet(), 6_632 - 33),
        (RNet(), 100_178 - 129),
        (ONet(), 389_040 - 257 - 2_570),
    ],
)
def test_parameter_counts(net: torch.nn.Module, expected: int) -> None:
    assert sum(parameter.numel() for parameter in net.parameters()) == expected


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        (PNet(), [(10, 3, 3, 3), (16, 10, 3, 3), (32, 16, 3, 3), (1, 32, 1, 1), (4, 32, 1, 1)]),
        (RNet(), [(28, 3, 3, 3), (48, 28, 3, 3), (64, 48, 2, 2), (128, 576), (1, 128), (4, 128)]),
        (
            ONet(),
            [(32, 3, 3, 3), (64, 32, 3, 3), (64, 64, 3, 3), (128, 64, 2, 2), (256, 1152), (1, 256), (4, 256)],
        ),
    ],
)
def test_the_paper_s_layers_and_a_prelu_after_each_but_the_heads(
    net: torch.nn.Module, expected: list[tuple[int, ...]]
) -> None:
    layers = [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    assert [tuple(layer.weight.shape) for layer in layers] == expected
    slopes = [module.num_parameters for module in net.modules() if isinstance(module, nn.PReLU)]
    assert slopes == [shape[0] for shape in expected[:-2]]


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.2])
def test_pooling_before_a_prelu_that_never_falls_changes_nothing(slope: float) -> None:
    pool, before, after = nn.MaxPool2d(3, 2, ceil_mode=True), nn.PReLU(4, slope), MonotonePReLU(4, slope)
    features = torch.randn(2, 4, 11, 12, generator=torch.Generator().manual_seed(0))
    assert torch.equal(after(pool(features)), pool(before(features)))


def test_a_slope_below_zero_counts_as_zero() -> None:
    values = torch.tensor([[[-2.0, 3.0]]])
    assert MonotonePReLU(1, -0.5)(values).tolist() == [[[0, 3]]]


@pytest.mark.parametrize(("kind", "size"), [(RNet, 24), (ONet, 48)])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_shapes_of_the_crop_networks(kind: type[RNet] | type[ONet], size: int, count: int) -> None:
    assert kind.input_size == size
    logits, offsets = kind()(torch.zeros(count, 3, size, size))
    assert (logits.shape, offsets.shape) == ((count,), (count, 4))


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [(12, 12, 1, 1), (14, 12, 2, 1), (100, 60, 45, 25), (13, 12, 2, 1), (101, 63, 46, 27)],  # the pooling rounds up
)
def test_shapes_of_pnet(height: int, width: int, rows: int, columns: int) -> None:
    logits, offsets = PNet()(torch.zeros(2, 3, height, width))
    assert (logits.shape, offsets.shape) == ((2, rows, columns), (2, 4, rows, columns))


@pytest.mark.parametrize("size", [(40, 52), (41, 53)])
@torch.no_grad()
def test_pnet_over_a_picture_equals_pnet_on_each_window(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    net, picture = PNet().eval(), torch.randn(1, 3, *size)
    logits, offsets = net(picture)
    assert (PNet.input_size, PNet.stride) == (12, 2)
    corners = [(i, j) for i in range((size[0] - 12) // 2 + 1) for j in range((size[1] - 12) // 2 + 1)]
    windows = torch.cat([picture[:, :, 2 * i : 2 * i + 12, 2 * j : 2 * j + 12] for i, j in corners])
    window_logits, window_offsets = net(windows)
    assert window_logits.std() > 0.01  # else anything would equal anything
    rows, columns = torch.tensor(corners).T
    assert_close(logits[0, rows, columns], window_logits[:, 0, 0], atol=1e-5, rtol=1e-5)
    assert_close(offsets[0, :, rows, columns].T, window_offsets[:, :, 0, 0], atol=1e-5, rtol=1e-5)


def test_normalize_literal_values() -> None:
    pixels = torch.tensor([0, 127, 128, 255, 64, 1], dtype=torch.uint8).reshape(1, 1, 2, 3)
    normalized = normalize(pixels)
    assert normalized.dtype == torch.float32
    assert normalized.shape == (1, 3, 1, 2)
    expected = [[-0.99609375, 0.99609375], [-0.00390625, -0.49609375], [0.00390625, -0.98828125]]  # by channel
    assert normalized[0, :, 0].tolist() == expected


def test_normalize_keeps_channels_last_in_memory() -> None:
    pixels = torch.from_numpy(np.zeros((2, 24, 20, 3), np.uint8))
    assert normalize(pixels).is_contiguous(memory_format=torch.channels_last)
