"""PatchSheet: a picture of mined patches, in TensorBoard and as a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from mtcnn_lit.callbacks.tensorboard import tensorboard_loggers
from mtcnn_lit.data.datamodule import PatchDataModule
from mtcnn_lit.data.patches import Label
from mtcnn_lit.draw import sheet
from mtcnn_lit.errors import check_counts
from mtcnn_lit.images import write_image
from mtcnn_lit.sources.base import spread


class PatchSheet(Callback):
    """At the start of training, draws some mined positives, parts and negatives, without augmentation.

    Args:
        folder: where the picture is saved.
        patches: of each label.
    """

    def __init__(self, folder: str | Path, patches: int = 36) -> None:
        check_counts(1, patches=patches)
        self.folder, self.patches = Path(folder), patches

    @override
    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        data = getattr(trainer, "datamodule", None)
        if not isinstance(data, PatchDataModule) or not trainer.is_global_zero:
            return
        dataset = data.datasets["train"]
        rows = {}
        for label in (Label.POSITIVE, Label.PART, Label.NEGATIVE):
            members = np.flatnonzero(dataset.labels == label)
            chosen = members[spread(len(members), self.patches)]
            rows[label.name.lower()] = dataset.store.patches.pixels[chosen]
        picture = sheet(rows)
        write_image(self.folder / "patches.png", picture)
        for logger in tensorboard_loggers(trainer):
            logger.experiment.add_image("train/patches", picture, 0, dataformats="HWC")
