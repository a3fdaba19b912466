"""Which checkpoints a training goes on from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig, OmegaConf

from mtcnn_lit.errors import UserError
from mtcnn_lit.experiment.resume import KeepBest, refuse_other_upstream, resume_from
from mtcnn_lit.nets import PNet, add_batch_norm
from mtcnn_lit.nets.weights import save_net
from tests.experiment.test_runs import begin_run

TRAINING = {"epoch": 1, "optimizer_states": [], "lr_schedulers": [], "loops": {}}


def config(path: Path, epochs: int | None = 4, run_dir: str = "new", batch_norm: bool = False) -> DictConfig:
    """Of a command that goes on with P-Net's checkpoint."""
    paths = {"output_dir": "outputs", "run_dir": run_dir}
    net = {"batch_norm": batch_norm}
    return OmegaConf.create(
        {"stage": "pnet", "net": net, "ckpt_path": str(path), "trainer": {"max_epochs": epochs}, "paths": paths}
    )


def write(path: Path, net: str = "pnet", state: dict[str, Any] = TRAINING) -> Path:
    torch.save({"state_dict": {}, "hyper_parameters": {"net": net}, **state}, path)
    return path


@pytest.mark.parametrize("epochs", [3, 4, -1, None])
def test_a_checkpoint_of_the_middle_goes_on(epochs: int | None, tmp_path: Path) -> None:
    path = write(tmp_path / "some.ckpt")
    assert resume_from(config(path, epochs)) == path


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_training_that_is_through_does_not_go_on(epochs: int, tmp_path: Path) -> None:
    path = write(tmp_path / "some.ckpt")
    message = f"^ckpt_path: {path} has trained 2 epochs already, of {epochs}; to train on .* take init_from={path}$"
    with pytest.raises(UserError, match=message):
        resume_from(config(path, epochs))


def test_a_training_that_is_through_is_brought_to_its_end_in_its_own_folder(tmp_path: Path) -> None:
    """It may have been stopped in the evaluation."""
    (tmp_path / "checkpoints").mkdir()
    path = write(tmp_path / "checkpoints" / "last.ckpt")
    assert resume_from(config(path, epochs=2, run_dir=str(tmp_path))) == path


def test_its_own_folder_is_known_by_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    path = write(tmp_path / "run" / "checkpoints" / "last.ckpt")
    assert resume_from(config(path, epochs=2, run_dir="run")) == path


def test_last_is_the_run_of_the_same_command_and_training_goes_on_in_its_folder(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    earlier, current = (begin_run(tmp_path / "train" / "pnet" / name, ["net=pnet"]) for name in ("a", "b"))
    again = config(Path("last"), run_dir=str(current))
    again.paths.output_dir = str(tmp_path)
    assert resume_from(again) is None
    assert caplog.messages == ["no checkpoint of this command to go on with: training starts from the beginning"]
    assert again.paths.run_dir == str(current)
    (earlier / "checkpoints").mkdir()
    path = write(earlier / "checkpoints" / "last.ckpt")
    assert resume_from(again) == path
    assert again.paths.run_dir == str(earlier)
    write(path, state={})
    with pytest.raises(UserError, match=f"^ckpt_path: {path} holds weights alone"):
        resume_from(again)


def test_a_training_goes_on_behind_the_networks_that_it_began_behind(tmp_path: Path) -> None:
    began = {"net": "rnet", "upstream": {"pnet": "0123456789abcdef"}}
    path = write(tmp_path / "some.ckpt", state={**TRAINING, "hyper_parameters": began})
    refuse_other_upstream(path, {"pnet": "0123456789abcdef"})
    message = rf"^ckpt_path: {path} was trained .* by another pnet \(weights 0123456789ab\); .* upstream\.pnet=RUN, .*"
    with pytest.raises(UserError, match=message):
        refuse_other_upstream(path, {"pnet": "fedcba9876543210"})
    refuse_other_upstream(write(tmp_path / "old.ckpt"), {"pnet": "fedcba9876543210"})


def test_another_network_does_not_go_on(tmp_path: Path) -> None:
    path = write(tmp_path / "some.ckpt", net="rnet")
    with pytest.raises(UserError, match=f"^ckpt_path: {path} is of rnet, but pnet is to be trained$"):
        resume_from(config(path))


def test_a_checkpoint_that_names_no_network_does_not_go_on(tmp_path: Path) -> None:
    path = write(tmp_path / "some.ckpt", state={**TRAINING, "hyper_parameters": {}})
    with pytest.raises(UserError, match=f"^ckpt_path: {path} is of something else, but pnet is to be trained$"):
        resume_from(config(path))


def test_settings_may_be_left_to_their_defaults(tmp_path: Path) -> None:
    """As `~trainer.max_epochs` and `~net.batch_norm` on the command line leave them."""
    path = write(tmp_path / "some.ckpt")
    short = config(path)
    del short.trainer.max_epochs, short.net.batch_norm
    assert resume_from(short) == path


def test_weights_alone_do_not_go_on(tmp_path: Path) -> None:
    paths = [tmp_path / "pnet.safetensors"]
    save_net(PNet(), "pnet", paths[0], {})
    for missing in TRAINING:
        some = {name: value for name, value in TRAINING.items() if name != missing}
        paths.append(write(tmp_path / f"without_{missing}.ckpt", state=some))
    for path in paths:
        message = f"^ckpt_path: {path} holds weights alone; to start with them take init_from={path}$"
        with pytest.raises(UserError, match=message):
            resume_from(config(path))


def test_an_empty_file_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "some.ckpt").touch()
    with pytest.raises(UserError, match=r"some\.ckpt is no checkpoint that can be read"):
        resume_from(config(tmp_path / "some.ckpt"))


@pytest.mark.parametrize(("trained", "remedy"), [(True, "with .* net.batch_norm=true"), (False, "without .*=false")])
def test_a_training_with_batch_norm_goes_on_with_it_and_one_without_without(
    trained: bool, remedy: str, tmp_path: Path
) -> None:
    net = add_batch_norm(PNet()) if trained else PNet()
    weights = {f"net.{name}": value for name, value in net.state_dict().items()}
    path = write(tmp_path / "some.ckpt", state={**TRAINING, "state_dict": weights})
    assert resume_from(config(path, batch_norm=trained)) == path
    with pytest.raises(UserError, match=f"^ckpt_path: {path} was trained {remedy}, .* init_from={path}$"):
        resume_from(config(path, batch_norm=not trained))


def load_callbacks(best: ModelCheckpoint, ckpt_path: Path, callbacks: dict[str, Any]) -> None:
    """As Lightning does when training resumes: first the hook of the callbacks, then their states."""
    trainer = cast("Trainer", SimpleNamespace(ckpt_path=str(ckpt_path), checkpoint_callbacks=[best]))
    KeepBest().on_load_checkpoint(trainer, LightningModule(), checkpoint := {"callbacks": callbacks})
    best.load_state_dict(checkpoint["callbacks"][best.state_key])


def checkpoint_callback(run: Path) -> ModelCheckpoint:
    return ModelCheckpoint(run / "checkpoints", filename="best", monitor="val/ap", mode="max")


def test_in_a_folder_that_was_moved_the_best_is_known(tmp_path: Path) -> None:
    before, after = checkpoint_callback(tmp_path / "before"), checkpoint_callback(tmp_path / "after")
    path = f"{before.dirpath}/best.ckpt"
    before.best_model_path, before.best_model_score = path, torch.tensor(0.9)
    before.kth_best_model_path, before.best_k_models = path, {path: torch.tensor(0.9)}
    load_callbacks(after, tmp_path / "after" / "checkpoints" / "last.ckpt", {before.state_key: before.state_dict()})
    assert after.best_model_score == 0.9
    assert after.best_model_path == after.kth_best_model_path == str(tmp_path / "after" / "checkpoints" / "best.ckpt")
    assert list(after.best_k_models) == [after.best_model_path]


def test_the_best_of_another_run_stays_its_own(tmp_path: Path) -> None:
    before, other = checkpoint_callback(tmp_path / "before"), checkpoint_callback(tmp_path / "other")
    before.best_model_path, before.best_model_score = f"{before.dirpath}/best.ckpt", torch.tensor(0.9)
    with pytest.warns(UserWarning, match="dirpath has changed"):
        load_callbacks(
            other, tmp_path / "before" / "checkpoints" / "last.ckpt", {before.state_key: before.state_dict()}
        )
    assert other.best_model_score is None
