"""The bare loop trains the network as the Trainer does, or it would be no measure of it."""

from __future__ import annotations

import copy
from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from mtcnn_lit.benchmark.training import bare_epoch
from mtcnn_lit.data.patches import PatchBatch
from mtcnn_lit.losses import giou_loss, hard_example_loss
from mtcnn_lit.stages import PNetStage


def test_the_weights_after_an_epoch_are_the_same() -> None:
    torch.manual_seed(0)
    batches = [
        PatchBatch(torch.randint(256, (20, 12, 12, 3), dtype=torch.uint8), torch.arange(20) % 3, torch.rand(20, 4))
        for _ in range(3)
    ]
    losses: dict[str, Any] = {"classification_loss": partial(hard_example_loss, keep=0.6), "box_loss": giou_loss}
    stage = PNetStage(partial(torch.optim.SGD, lr=0.1), box_loss_weight=0.5, **losses)
    net = copy.deepcopy(stage.net)
    before = net.face.weight.detach().clone()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    seconds = bare_epoch(net, optimizer, batches, box_loss_weight=0.5, context=nullcontext, **losses)
    quiet = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(accelerator="cpu", max_epochs=1, enable_model_summary=False, **quiet)
    trainer.fit(stage, DataLoader(batches, batch_size=None))
    assert seconds > 0
    assert not torch.allclose(net.face.weight, before, atol=1e-3)
    for bare, trained in zip(net.parameters(), stage.net.parameters(), strict=True):
        torch.testing.assert_close(bare, trained, atol=1e-5, rtol=1e-4)
