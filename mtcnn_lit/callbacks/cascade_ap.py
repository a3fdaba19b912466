"""CascadeAP: `val/ap`, the AP of the cascade with the stage in training on validation images."""

from __future__ import annotations

from collections.abc import Callable

import torch
from lightning import Callback, LightningModule, Trainer
from typing_extensions import override

from mtcnn_lit.callbacks.validation_images import ValidationImages
from mtcnn_lit.cascade import Cascade
from mtcnn_lit.detections import Detections
from mtcnn_lit.metrics import AveragePrecision
from mtcnn_lit.nets import Net
from mtcnn_lit.sources.base import Source, SourceError


class CascadeAP(Callback):
    """Logs `val/ap`: AP at IoU 0.5 of the cascade up to the stage in training, without a cap on detections.

    Args:
        source: validation images.
        make_cascade: makes a cascade of the networks before the stage and the given one.
        images: how many images, evenly spread over the source; always the same ones.

    Raises:
        SourceError: when none of these images has a face: there would be no AP.
    """

    def __init__(self, source: Source, make_cascade: Callable[[Net], Cascade], images: int = 64) -> None:
        self.source, self.make_cascade = source, make_cascade
        self.images = ValidationImages(source, images, "unreadable image, counted as no detections")
        source.check_faces()
        if not any(len(source.annotations[index].faces) for index in self.images.indices):
            raise SourceError(
                f"no face in the {len(self.images.indices)} images of the {source.split} split that val/ap is measured "
                f"on ({source.summary()}); set a larger callbacks.cascade_ap.images"
            )

    @override
    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.sanity_checking:
            return
        assert isinstance(pl_module.net, Net)
        cascade = self.make_cascade(pl_module.net)
        # Each process evaluates all images, so there is nothing to gather (nor could NCCL gather host tensors).
        metric = AveragePrecision(sync_on_compute=False)
        for index, image in self.images:
            annotation = self.source.annotations[index]
            found = [Detections.empty()] if image is None else cascade.detect([image])
            metric.update(found, [torch.from_numpy(annotation.faces)], [torch.from_numpy(annotation.ignored)])
        pl_module.log("val/ap", metric.compute(), prog_bar=True)
