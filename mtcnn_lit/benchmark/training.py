"""The baseline of training: a bare loop over ready tensors."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import torch
from torch.optim import Optimizer

from mtcnn_lit.data.masks import masks_of
from mtcnn_lit.data.patches import PatchBatch
from mtcnn_lit.losses import Loss
from mtcnn_lit.nets import Net, normalize


def bare_epoch(
    net: Net,
    optimizer: Optimizer,
    batches: Sequence[PatchBatch],
    *,
    classification_loss: Loss,
    box_loss: Loss,
    box_loss_weight: float,
    context: Callable[[], AbstractContextManager[None]],
) -> float:
    """Seconds of forward, losses, backward and step for each batch, without loading, metrics or logs.

    Args:
        batches: on the network's device.
        classification_loss, box_loss, box_loss_weight: as in `mtcnn_lit.stages.Stage`.
        context: of forward and losses, for the precision.
    """
    start = time.perf_counter()
    for batch in batches:
        with context():
            logits, offsets = net(normalize(batch.pixels))
            logits, offsets = logits.flatten().float(), offsets.flatten(1).float()
            is_face, judged, located = masks_of(batch.labels)
            loss = classification_loss(logits, is_face, judged)
            loss = loss + box_loss_weight * box_loss(offsets, batch.offsets, located)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if next(net.parameters()).is_cuda:
        torch.cuda.synchronize()
    return time.perf_counter() - start
