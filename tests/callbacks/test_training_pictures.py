"""What the callbacks log and draw, and when: by a detector made by hand and patches that are known."""

from __future__ import annotations

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from lightning.pytorch.loggers import TensorBoardLogger

from mtcnn_lit.callbacks import CascadeAP, PatchSheet, RenderDetections, ScoreHistogram, patch_sheet
from mtcnn_lit.cascade import Cascade
from mtcnn_lit.data.datamodule import PatchDataModule
from mtcnn_lit.data.patches import Label, PatchBatch
from mtcnn_lit.draw import DETECTION, FACE, IGNORED
from mtcnn_lit.images import Image, read_image
from mtcnn_lit.nets import Net, ONet
from tests.bright_squares import bright_cascade, picture
from tests.mining.pictures import Box, Pictures, annotate

HERE, THERE = (20, 30, 50, 60), (110, 40, 160, 90)


class Board(TensorBoardLogger):
    """Keeps what is sent to TensorBoard, with its step."""

    def __init__(self) -> None:
        self.sent: dict[str, tuple[Any, int]] = {}

    @property
    def experiment(self) -> Any:
        def keep(tag: str, values: Any, step: int, **_: Any) -> None:
            self.sent[tag] = (values, step)

        return SimpleNamespace(add_image=keep, add_histogram=keep)


def trainer(epoch: int = 0, **settings: Any) -> Any:
    usual = {"sanity_checking": False, "is_global_zero": True, "global_step": 70, "max_epochs": 5, "loggers": []}
    return SimpleNamespace(current_epoch=epoch, **{**usual, **settings})


def by_hand(net: Net) -> Cascade:
    return bright_cascade()


def module(logged: dict[str, float] | None = None) -> Any:
    kept: dict[str, float] = {} if logged is None else logged
    return SimpleNamespace(net=ONet(), log=lambda name, value, **_: kept.update({name: float(value)}))


def one_of_two_squares(*faces: Box, ignored: Box) -> Pictures:
    return Pictures((picture(120, 200, HERE, THERE), annotate(*faces, ignored=[ignored])))


def test_what_is_found_on_ignored_boxes_costs_no_ap() -> None:
    logged: dict[str, float] = {}
    for face, ignored in ((HERE, THERE), (THERE, HERE)):
        callback = CascadeAP(one_of_two_squares(face, ignored=ignored), by_hand)
        callback.on_validation_epoch_end(trainer(), module(logged))
        assert logged.pop("val/ap") == 1


def test_before_training_there_is_no_ap_and_no_picture(tmp_path: Path) -> None:
    source, logged = one_of_two_squares(HERE, ignored=THERE), dict[str, float]()
    for callback in (CascadeAP(source, by_hand), RenderDetections(source, by_hand, tmp_path, every_n_epochs=1)):
        callback.on_validation_epoch_end(trainer(sanity_checking=True), module(logged))
    assert (logged, list(tmp_path.iterdir())) == ({}, [])


def test_every_so_many_epochs_are_drawn_and_the_last_one(tmp_path: Path) -> None:
    callback = RenderDetections(one_of_two_squares(HERE, ignored=THERE), by_hand, tmp_path, every_n_epochs=2)
    for epoch in range(5):
        callback.on_validation_epoch_end(trainer(epoch, is_global_zero=False), module())
    assert list(tmp_path.iterdir()) == []  # of two processes that train together one draws
    for epoch in range(5):
        callback.on_validation_epoch_end(trainer(epoch), module())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["epoch_001.png", "epoch_003.png", "epoch_004.png"]


def test_faces_detections_and_ignored_boxes_are_drawn_in_their_colours(tmp_path: Path) -> None:
    """From left to right: a face that isn't found, a detection, and an ignored box."""
    image = picture(360, 480, (220, 40, 260, 80))  # as large as a cell
    source, board = Pictures((image, annotate((20, 40, 60, 80), ignored=[(400, 40, 440, 80)]))), Board()
    callback = RenderDetections(source, by_hand, tmp_path, every_n_epochs=1)
    callback.on_validation_epoch_end(trainer(loggers=[board]), module())
    drawn = read_image(tmp_path / "epoch_000.png")
    for place, colour in enumerate((FACE, DETECTION, IGNORED)):
        thirds = np.array_split((drawn == colour).all(axis=2), 3, axis=1)
        assert [bool(third.any()) for third in thirds] == [place == 0, place == 1, place == 2]
    shown, step = board.sent["val/detections"]
    assert np.array_equal(shown, drawn)
    assert step == 70


@pytest.fixture
def data() -> PatchDataModule:
    """Fifty patches, each filled with its number: negatives, parts and positives by turns, and some of no label."""
    labels = np.array([Label.NEGATIVE] * 20 + [Label.PART, Label.POSITIVE] * 10 + [Label.NONE] * 10)
    pixels = np.arange(50, dtype=np.uint8)[:, None, None, None].repeat(12, 1).repeat(12, 2).repeat(3, 3)
    train = SimpleNamespace(labels=labels, store=SimpleNamespace(patches=SimpleNamespace(pixels=pixels)))
    module = PatchDataModule.__new__(PatchDataModule)
    module.datasets = {"train": train}  # type: ignore[dict-item]
    return module


def test_the_sheet_shows_mined_patches_of_each_label_spread_over_the_store(
    data: PatchDataModule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: dict[str, list[int]] = {}
    draw_sheet = patch_sheet.sheet

    def sheet(patches: dict[str, Image]) -> Image:
        rows.update({name: each[:, 0, 0, 0].tolist() for name, each in patches.items()})
        return draw_sheet(patches)

    monkeypatch.setattr(patch_sheet, "sheet", sheet)
    board = Board()
    PatchSheet(tmp_path / "other", patches=2).on_train_start(trainer(datamodule=data, is_global_zero=False), module())
    assert rows == {}
    PatchSheet(tmp_path, patches=3).on_train_start(trainer(datamodule=data, loggers=[board]), module())
    assert rows == {"positive": [21, 29, 39], "part": [20, 28, 38], "negative": [0, 10, 19]}
    assert np.array_equal(board.sent["train/patches"][0], read_image(tmp_path / "patches.png"))
    PatchSheet(tmp_path, patches=100).on_train_start(trainer(datamodule=data), module())
    assert rows["part"] == list(range(20, 40, 2))


def test_the_histograms_are_of_one_epoch_by_label() -> None:
    callback, board = ScoreHistogram(), Board()

    def validate(scores: list[float], labels: list[Label], **settings: Any) -> None:
        for score, label in zip(scores, labels, strict=True):
            batch = PatchBatch(torch.zeros(1, 12, 12, 3), torch.tensor([label]), torch.zeros(1, 4))
            callback.on_validation_batch_end(trainer(), module(), torch.tensor([score]), batch, 0)
        callback.on_validation_epoch_end(trainer(loggers=[board], **settings), module())

    validate([0.5, 0.5], [Label.POSITIVE, Label.PART], sanity_checking=True)
    assert board.sent == {}
    validate([math.nan], [Label.NEGATIVE])
    assert board.sent == {}
    validate([0.25, 0.75], [Label.NEGATIVE, Label.PART])
    validate([0.125, 0.875, 0.625], [Label.NEGATIVE, Label.POSITIVE, Label.NEGATIVE], global_step=140)
    shown = {tag: (scores.tolist(), step) for tag, (scores, step) in board.sent.items()}
    assert shown == {
        "scores/part": ([0.75], 70),
        "scores/negative": ([0.125, 0.625], 140),
        "scores/positive": ([0.875], 140),
    }
