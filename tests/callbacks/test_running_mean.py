"""The running mean of the weights; what it does to a training is in `tests.stages.test_averaged`."""

from __future__ import annotations

import math

import pytest

from mtcnn_lit.callbacks.running_mean import RunningMean


@pytest.mark.parametrize("decay", [-0.1, 1, 1.5, math.nan])
def test_a_decay_out_of_range(decay: float) -> None:
    with pytest.raises(ValueError, match=f"^decay must be from 0 to below 1, not {decay}$"):
        RunningMean(decay)
