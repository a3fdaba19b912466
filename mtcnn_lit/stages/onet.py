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

    A batch's dropout depends only on the seed, the device, the epoch and the batch's number: not on other draws from
    torch's generator (mining, loaders, validation, callbacks), nor on a resume.
    """

    name: ClassVar[str] = "onet"

    @override
    def on_fit_start(self) -> None:
        self._seed = torch.initial_seed()  # the run's seed, independent of later draws

    @override
    def on_train_batch_start(self, batch: PatchBatch, batch_idx: int) -> None:
        """Seed torch's generator. It takes microseconds; the other networks draw no random numbers."""
        super().on_train_batch_start(batch, batch_idx)
        place = [self._seed, self.global_rank, self.current_epoch, batch_idx]
        torch.manual_seed(int(np.random.SeedSequence(place).generate_state(1, np.uint64)[0]))
