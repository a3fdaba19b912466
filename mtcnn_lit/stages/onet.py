"""Training of O-Net."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from typing_extensions import override

from mtcnn_lit.data.patches import PatchBatch
from mtcnn_lit.stages.base import Stage


class ONetStage(Stage):
    """See `Stage` and `mtcnn_lit.nets.ONet`.

    A batch's dropout depends on the seed, the device, the epoch and the batch's number alone: neither mining, loaders,
    validation and callbacks, which draw from torch's generator too, nor a resume change it.
    """

    name: ClassVar[str] = "onet"

    @override
    def on_fit_start(self) -> None:
        self._seed = torch.initial_seed()  # the run's: what has been drawn since leaves it as it is

    @override
    def on_train_batch_start(self, batch: PatchBatch, batch_idx: int) -> None:
        """Seed torch's generator. It takes microseconds, little of O-Net's step; the other networks draw nothing."""
        super().on_train_batch_start(batch, batch_idx)
        place = [self._seed, self.global_rank, self.current_epoch, batch_idx]
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0]))
