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

    alone = SimpleNamespace(launcher=None)
    trainer = SimpleNamespace(num_devices=2, num_nodes=1, is_global_zero=is_global_zero, fit=train, strategy=alone)
    experiment = SimpleNamespace(trainer=trainer, stage=None, data=None)
    monkeypatch.setattr(module, "build_experiment", lambda config: experiment)
    monkeypatch.setattr(module, "check_trainer", lambda *_, **__: None)
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


@pytest.mark.parametrize("chosen", [["net=pnet", "hydra.mode=MULTIRUN"], ["net=onet", "hydra.mode=RUN"]])
def test_an_upstream_network_for_the_stage_or_for_other_jobs_is_taken(chosen: list[str]) -> None:
    module._refuse_unused_upstream(composed("train", [*chosen, "upstream.pnet=run", "upstream.rnet=run"]))


def test_ctrl_c_in_the_evaluation_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "_summarize", stopped)
    alone = SimpleNamespace(launcher=None)
    trainer = SimpleNamespace(
        num_devices=1, num_nodes=1, is_global_zero=True, fit=lambda *_, **__: None, strategy=alone
    )
    experiment = SimpleNamespace(trainer=trainer, stage=None, data=None)
    monkeypatch.setattr(module, "build_experiment", lambda config: experiment)
    monkeypatch.setattr(module, "check_trainer", lambda *_, **__: None)
    config = composed("train", [])
    config.paths.run_dir = str(tmp_path)
    with pytest.raises(KeyboardInterrupt, match="the same command with ckpt_path=last goes on"):
        fit(config)


def test_a_slurm_job_of_several_tasks_is_told_how_to_ask_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = {"JOB_ID": "77", "JOB_NAME": "train", "NTASKS": "4", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}
    for name, value in job.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    with pytest.raises(ConfigError, match=r"^trainer: SLURM .* sbatch --ntasks-per-node=1 --cpus-per-task=4$"):
        fit(composed("train", [f"paths.output_dir={tmp_path}", f"paths.run_dir={tmp_path}"]))


def test_the_hparams_are_in_the_file_before_the_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = RecordWriter.write

    def write_slowly(self: RecordWriter, data: bytes) -> None:  # as a picture of megabytes
        time.sleep(0.2)
        write(self, data)

    monkeypatch.setattr(RecordWriter, "write", write_slowly)
    trainer = Trainer(accelerator="cpu", logger=TensorBoardLogger(tmp_path), enable_checkpointing=False)
    module._log_hyperparameters({"seed": 0}, trainer, {"best/val/ap": 0.5})
    (folder,) = {path.parent for path in tmp_path.rglob("events.out.tfevents.*")}
    written = EventAccumulator(str(folder)).Reload()  # its writer is still open
    assert [event.value for event in written.Scalars("best/val/ap")] == [0.5]


def test_the_hparams_tell_all_that_can_be_swept() -> None:
    swept = ["augment.mirror=0", "callbacks.early_stopping.patience=3", "trainer.precision=64-true", "source=synthetic"]
    config = composed("train", ["net=rnet", "net/box_loss=giou", "init_from=newest", *swept])
    told = module._hyperparameters(config, {"pnet": "0123456789abcdef"}, "fedcba9876543210")
    expected = {
        "stage": "rnet",
        "source": "synthetic",
        "augment": "default",
        "seed": 0,
        "augment.mirror": 0,
        "augment.transforms[0].blur_limit": "[3, 3]",
        "callbacks.early_stopping.patience": 3,
        "trainer.precision": "64-true",
        "upstream.pnet": "0123456789ab",
        "init_from": "fedcba987654",
        "net.box_loss._target_": "mtcnn_lit.losses.giou_loss",
        "data.miner.squared_faces": True,
        "epochs.rnet": 16,
    }
    assert {key: told.get(key) for key in expected} == expected
    assert {type(value) for value in told.values()} <= {bool, int, float, str}


def test_the_hparams_leave_out_paths_and_what_follows_from_other_settings() -> None:
    told = module._hyperparameters(composed("train", ["trainer.precision=${half_if_fast:gpu}"]), {}, None)
    assert told["trainer.precision"] == "bf16-mixed"
    assert not [key for key, value in told.items() if "$" in str(value) or "somewhere" in str(value)]
    assert not {"data.seed", "callbacks.checkpoint.dirpath", "paths.run_dir", "ckpt_path", "upstream.pnet"} & set(told)


def test_a_finished_run_that_was_chosen_by_another_metric(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "resume_from", lambda config: tmp_path / "last.ckpt")
    (tmp_path / "summary.json").write_text(json.dumps({"stage": "pnet", "finished": 1, "val/ap": 0.5}))
    config = composed("train", [])
    config.paths.run_dir = str(tmp_path)
    assert fit(config) == 0.5
    config.monitor.metric = "val/loss"
    with pytest.raises(ConfigError, match=rf"^monitor\.metric: {tmp_path} is finished, and chose its best by another"):
        fit(config)
