"""What each of the three stages must show: it learns one small batch by heart, and its checkpoint is safe to load."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import Trainer
from torch.utils.data import DataLoader

from mtcnn_lit.data.patches import Label, PatchBatch
from mtcnn_lit.nets import NETS, load_net, normalize
from mtcnn_lit.stages import Stage

# Where the bright square lies in its patch, as offsets: all of it for a positive, most of it for a part.
OFFSETS = {Label.POSITIVE: (0.1, 0.1, -0.1, -0.1), Label.PART: (0.45, 0.35, 0.35, 0.25), Label.NEGATIVE: (0, 0, 0, 0)}
OF_EACH = 8


def one_batch(size: int) -> PatchBatch:
    """Bright squares on dark noise: in the middle of the positives, at a corner of the parts, none in the negatives."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.array(list(OFFSETS), np.int64), OF_EACH)
    offsets = np.array([OFFSETS[Label(kind)] for kind in labels], np.float32)
    pixels = rng.integers(0, 60, (len(labels), size, size, 3), dtype=np.uint8)
    corners = np.round((offsets + np.array([0, 0, 1, 1])) * size).astype(int)
    for patch, kind, (x1, y1, x2, y2) in zip(pixels, labels, corners, strict=True):
        if kind != Label.NEGATIVE:
            patch[y1:y2, x1:x2] += rng.integers(120, 190, 3, dtype=np.uint8)
    return PatchBatch(torch.from_numpy(pixels), torch.from_numpy(labels), torch.from_numpy(offsets))


def assert_learns_one_batch(
    stage_class: type[Stage], folder: Path, *, steps: int, lr: float, batch_norm: bool = False
) -> None:
    torch.manual_seed(0)
    schedule = partial(torch.optim.lr_scheduler.OneCycleLR, max_lr=lr)
    stage = stage_class(partial(torch.optim.AdamW, lr=lr), schedule, batch_norm=batch_norm)
    batch = one_batch(stage.net.input_size)
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    once, often = (DataLoader([batch] * times, batch_size=None) for times in (1, steps))
    (before,) = trainer.validate(stage, once, verbose=False)
    trainer.fit(stage, often)
    (after,) = trainer.validate(stage, once, verbose=False)

    assert before["val/loss"] > 0.5, before
    assert after["val/loss"] < 0.05, after
    assert after["val/loss"] == pytest.approx(after["val/classification_loss"] + after["val/box_loss"], rel=1e-5)
    assert [after[f"val/{name}"] for name in ("accuracy", "precision", "recall")] == [1, 1, 1]
    assert after["val/box_iou"] > 0.9, after
    assert trainer.global_step == steps

    trainer.save_checkpoint(folder / "stage.ckpt")
    checkpoint = torch.load(folder / "stage.ckpt", weights_only=True)
    assert checkpoint["hyper_parameters"] == {"net": stage.name}
    net = load_net(folder / "stage.ckpt", stage.name)
    with torch.inference_mode():
        for output, expected in zip(
            net(normalize(batch.pixels)), stage.net.eval()(normalize(batch.pixels)), strict=True
        ):
            torch.testing.assert_close(output, expected, rtol=1e-3, atol=1e-4)
    assert net.state_dict().keys() == NETS[stage.name]().state_dict().keys()
