"""Which checkpoints a training goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf

from mtcnn_lit.errors import UserError
from mtcnn_lit.experiment.resume import resume_from
from mtcnn_lit.nets import PNet
from mtcnn_lit.nets.weights import save_net

TRAINING = {"epoch": 1, "optimizer_states": [], "lr_schedulers": [], "loops": {}}


def config(path: Path, epochs: int | None = 4, run_dir: str = "new") -> DictConfig:
    """Of a command that goes on with P-Net's checkpoint."""
    paths = {"output_dir": "outputs", "run_dir": run_dir}
    return OmegaConf.create(
        {"stage": "pnet", "ckpt_path": str(path), "trainer": {"max_epochs": epochs}, "paths": paths}
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


def test_another_network_does_not_go_on(tmp_path: Path) -> None:
    path = write(tmp_path / "some.ckpt", net="rnet")
    with pytest.raises(UserError, match=f"^ckpt_path: {path} is of rnet, but pnet is to be trained$"):
        resume_from(config(path))


def test_weights_alone_do_not_go_on(tmp_path: Path) -> None:
    write(tmp_path / "weights.ckpt", state={"epoch": 1})
    save_net(PNet(), "pnet", tmp_path / "pnet.safetensors", {})
    for path in (tmp_path / "weights.ckpt", tmp_path / "pnet.safetensors"):
        message = f"^ckpt_path: {path} holds weights alone; to start with them take init_from={path}$"
        with pytest.raises(UserError, match=message):
            resume_from(config(path))


def test_an_empty_file_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "some.ckpt").touch()
    with pytest.raises(UserError, match=r"some\.ckpt is no checkpoint that can be read"):
        resume_from(config(tmp_path / "some.ckpt"))
