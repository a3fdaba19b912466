from __future__ import annotations

import math

import pytest
import torch

from mtcnn_lit.cascade.size_prior import size_prior


def test_each_octave_in_height_below_40_px_costs_a_logit_and_the_width_nothing() -> None:
    boxes = torch.tensor([(0.0, 5, 80, 85), (0, 0, 10, 40), (5, 5, 85, 25), (0, 0, 10, 10), (0, 0, 9, 1)])
    assert size_prior(boxes).tolist() == pytest.approx([0, 0, -1, -2, -math.log2(40)])


def test_what_a_network_turned_inside_out_is_as_small_as_a_pixel() -> None:
    boxes = torch.tensor([(0.0, 5, 80, 5), (0, 30, 10, 10), (0, 0, 10, 0.5)])
    assert size_prior(boxes).tolist() == pytest.approx([-math.log2(40)] * 3)
