"""The frame around a training: what is there before it begins, and what is said when it ends."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer.record_writer import RecordWriter

from mtcnn_lit.experiment import fit as module
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.fit import fit
from tests.test_configs import composed


class KilledError(Exception):
    """What ends training here."""


def begin(run: Path, monkeypatch: pytest.MonkeyPatch, *, is_global_zero: bool) -> None:
    """A command in a run's folder that is killed as soon as it trains."""

    def train(*_: Any, **__: Any) -> None:
        raise KilledError

    trainer = SimpleNamespace(num_devices=2, num_nodes=1, is_global_zero=is_global_zero, fit=train)
    experiment = SimpleNamespace(trainer=trainer, stage=None, data=None)
    monkeypatch.setattr(module, "build_experiment", lambda config: experiment)
    monkeypatch.setattr(module, "check_trainer", lambda trainer, stage: None)
    config = composed("train", [])
    config.paths.run_dir = str(run)
    with pytest.raises(KilledError):
        fit(config)


def test_a_run_that_begins_anew_in_a_folder_is_not_finished_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = tmp_path / "summary.json"
    summary.write_text('{"stage": "pnet", "finished": 1}')
    begin(tmp_path, monkeypatch, is_global_zero=False)
    assert summary.is_file()
    begin(tmp_path, monkeypatch, is_global_zero=True)
    assert not summary.exists()


def test_ctrl_c_in_the_evaluation_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_summarize", stopped)
    trainer = SimpleNamespace(num_devices=1, num_nodes=1, is_global_zero=True, fit=lambda *_, **__: None)
    experiment = SimpleNamespace(trainer=trainer, stage=None, data=None)
    monkeypatch.setattr(module, "build_experiment", lambda config: experiment)
    monkeypatch.setattr(module, "check_trainer", lambda trainer, stage: None)
    config = composed("train", [])
    config.paths.run_dir = str(tmp_path)
    with pytest.raises(KeyboardInterrupt, match="the same command with ckpt_path=last goes on"):
        fit(config)


def test_the_hparams_are_in_the_file_before_the_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = RecordWriter.write

    def write_slowly(self: RecordWriter, data: bytes) -> None:  # as a picture of megabytes
        time.sleep(0.2)
        write(self, data)

    monkeypatch.setattr(RecordWriter, "write", write_slowly)
    trainer = Trainer(accelerator="cpu", logger=TensorBoardLogger(tmp_path), enable_checkpointing=False)
    module._log_hyperparameters(composed("train", []), trainer, {"best/val/ap": 0.5})
    (folder,) = {path.parent for path in tmp_path.rglob("events.out.tfevents.*")}
    written = EventAccumulator(str(folder)).Reload()  # its writer is still open
    assert [event.value for event in written.Scalars("best/val/ap")] == [0.5]


def test_a_finished_run_that_was_chosen_by_another_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "resume_from", lambda config: tmp_path / "last.ckpt")
    (tmp_path / "summary.json").write_text(json.dumps({"stage": "pnet", "finished": 1, "val/ap": 0.5}))
    config = composed("train", [])
    config.paths.run_dir = str(tmp_path)
    assert fit(config) == 0.5
    config.monitor.metric = "val/loss"
    with pytest.raises(ConfigError, match=rf"^monitor\.metric: {tmp_path} is finished, and chose its best by another"):
        fit(config)
