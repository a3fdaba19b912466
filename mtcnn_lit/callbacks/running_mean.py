"""RunningMean: validation, checkpoints and the result take a running mean of the weights."""

from __future__ import annotations

from functools import partial

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging
from torch import Tensor
from typing_extensions import override


class RunningMean(WeightAveraging):
    """Exponential moving average of the weights over the optimiser's steps, Lightning's but for its start.

    At a fixed decay the weights of the first step, which are random still, would count for thousands of steps. So the
    mean is short at first: of the mean of n steps (1 + n) / (10 + n) stays, until that reaches the decay.

    Args:
        decay: what stays of the mean in each step, below 1.

    Raises:
        ValueError: when the decay is out of its range.
    """

    def __init__(self, decay: float = 0.999) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be from 0 to below 1, not {decay}")
        super().__init__(avg_fn=partial(_mean, decay))

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Follow the network to its device, or every step waits for copies: Lightning makes the mean before that."""
        assert self._average_model is not None
        self._average_model.to(pl_module.device)


def _mean(decay: float, mean: Tensor, weights: Tensor, steps: Tensor) -> Tensor:
    """The mean of ``steps`` steps and the weights of the next one."""
    return weights.lerp(mean, ((1 + steps) / (10 + steps)).clamp(max=decay).to(mean.dtype))
