"""RenderDetections: detections of the cascade with the stage in training, in TensorBoard and as a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from mtcnn_lit.callbacks.tensorboard import tensorboard_loggers
from mtcnn_lit.callbacks.validation_images import ValidationImages
from mtcnn_lit.cascade import Cascade
from mtcnn_lit.detections import Detections
from mtcnn_lit.draw import draw, grid
from mtcnn_lit.errors import check_counts
from mtcnn_lit.images import Image, write_image
from mtcnn_lit.nets import Net
from mtcnn_lit.sources.base import Source


class RenderDetections(Callback):
    """Draws detections with scores, true faces and ignored boxes in other colours, on the same images each time.

    Args:
        source: validation images.
        make_cascade: makes a cascade of the networks before the stage and the given one.
        folder: where the picture of each drawn epoch is saved.
        images: how many images, evenly spread over the source.
        every_n_epochs: draw in every n-th epoch, if it is validated; also in the last one, unless training stops early.
    """

    def __init__(
        self,
        source: Source,
        make_cascade: Callable[[Net], Cascade],
        folder: str | Path,
        images: int = 9,
        every_n_epochs: int = 5,
    ) -> None:
        check_counts(1, every_n_epochs=every_n_epochs)
        self.source, self.make_cascade, self.folder = source, make_cascade, Path(folder)
        self.images, self.every_n_epochs = ValidationImages(source, images, "not drawn"), every_n_epochs

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        epoch = trainer.current_epoch
        due = (epoch + 1) % self.every_n_epochs == 0 or epoch + 1 == trainer.max_epochs
        if trainer.sanity_checking or not due or not trainer.is_global_zero:
            return
        assert isinstance(pl_module.net, Net)
        cascade = self.make_cascade(pl_module.net)
        images = {index: image for index, image in self.images if image is not None}
        if not images:
            return
        found = cascade.detect(list(images.values()))
        picture = grid([self._draw(*one) for one in zip(images, images.values(), found, strict=True)])
        write_image(self.folder / f"epoch_{epoch:03d}.png", picture)
        for logger in tensorboard_loggers(trainer):
            logger.experiment.add_image("val/detections", picture, trainer.global_step, dataformats="HWC")

    def _draw(self, index: int, image: Image, found: Detections) -> Image:
        annotation = self.source.annotations[index]
        return draw(image, found, torch.from_numpy(annotation.faces), torch.from_numpy(annotation.ignored))
