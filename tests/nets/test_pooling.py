"""Pooling without gradients against PyTorch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from mtcnn_lit.nets.pooling import MaxPool


def test_the_last_windows_reach_beyond_the_border() -> None:
    features = torch.tensor([[3.0, 1, 2, 5], [4, 0, 9, 6], [7, 8, -1, -2]])[None, None]
    with torch.no_grad():
        assert MaxPool(2, 2)(features).tolist() == [[[[4, 9], [8, -1]]]]
        assert MaxPool(3, 2)(features).tolist() == [[[[9, 9]]]]


@pytest.mark.parametrize(("kernel", "stride"), [(2, 1), (2, 2), (3, 1), (3, 2), (3, 3)])
@pytest.mark.parametrize("height", [3, 4, 5, 8])
@pytest.mark.parametrize("width", [3, 6, 7, 11])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_it_is_max_pooling_with_and_without_gradients(
    kernel: int, stride: int, height: int, width: int, layout: torch.memory_format
) -> None:
    features = torch.randn(2, 3, height, width).to(memory_format=layout)
    before, pool = features.clone(), MaxPool(kernel, stride)
    expected = functional.max_pool2d(features, kernel, stride, ceil_mode=True)
    assert torch.equal(pool(features), expected)
    with torch.no_grad():
        assert torch.equal(pool(features), expected)
    assert torch.equal(features, before)


def test_training_gets_its_gradients() -> None:
    features = torch.tensor([[1.0, 2], [4, 3]])[None, None].requires_grad_()
    MaxPool(2, 2)(features).sum().backward()
    assert features.grad is not None
    assert features.grad.tolist() == [[[[0, 0], [1, 0]]]]
