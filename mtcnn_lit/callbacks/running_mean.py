"""RunningMean: validation, checkpoints and the result use a running mean of the weights."""

from __future__ import annotations

from functools import partial

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from typing_extensions import override


class RunningMean(WeightAveraging):
    """Exponential moving average of the weights over the optimiser's steps, with a warm-up of the decay.

    With a fixed decay, the random weights of the first step would count for thousands of steps. So after n steps the
    decay is (1 + n) / (10 + n), until that reaches ``decay``.

    Args:
        decay: weight of the old mean in each step, below 1.

    Raises:
        ValueError: when the decay is out of its range.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be from 0 to below 1, not {decay}")
        super().__init__(avg_fn=partial(_mean, decay))

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Move the mean to the network's device, since Lightning creates it before: else every step copies."""
        assert self._average_model is not None
        self._average_model.to(pl_module.device)


def _mean(decay: float, mean: Tensor, weights: Tensor, steps: Tensor) -> Tensor:
    """Update the mean of ``steps`` steps by the weights of the next one."""
    return weights.lerp(mean, ((1 + steps) / (10 + steps)).clamp(max=decay).to(mean.dtype))
