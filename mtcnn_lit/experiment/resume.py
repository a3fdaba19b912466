"""The checkpoint that training resumes from, checked before anything is built."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from omegaconf import DictConfig
from typing_extensions import override

from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.runs import LAST, last_run
from mtcnn_lit.nets.batch_norm import has_batch_norm
from mtcnn_lit.nets.weights import checkpoint_file, read_checkpoint, short_digest

log = logging.getLogger(__name__)


class KeepBest(Callback):
    """A run that goes on from its own last checkpoint keeps its best one, wherever its folder lies now.

    A checkpoint names the others by their whole paths, and of a folder that was moved Lightning forgets which is best.
    """

    @override
    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Before Lightning reads the states of the callbacks."""
        folder, states = Path(str(trainer.ckpt_path)).parent.resolve(), checkpoint["callbacks"]
        for callback in trainer.checkpoint_callbacks:
            is_own = isinstance(callback, ModelCheckpoint) and Path(str(callback.dirpath)) == folder
            if is_own and (state := states.get(callback.state_key)):
                states[callback.state_key] = _moved(state, folder)


def _moved(state: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The state of a `ModelCheckpoint` whose files lie in this folder now."""

    def place(path: str) -> str:
        return str(folder / Path(path).name) if path else path

    paths = {name: place(state[name]) for name in ("best_model_path", "kth_best_model_path", "last_model_path")}
    best = {place(path): score for path, score in state["best_k_models"].items()}
    return {**state, **paths, "best_k_models": best, "dirpath": str(folder)}


def resume_from(config: DictConfig) -> Path | None:
    """The checkpoint to resume from; ``ckpt_path=last`` resumes in the folder of the stopped run.

    Raises:
        ConfigError, WeightsError: when training can't resume from it.
    """
    if config.ckpt_path is None:
        return None
    run = Path(config.paths.run_dir)
    if config.ckpt_path != "last":
        path = checkpoint_file(config.ckpt_path)
        checkpoint = _state(path, config)
        if path.resolve() != (run / LAST).resolve():  # in its own folder, a finished run gets its summary
            _refuse_trained(path, checkpoint, config.trainer.get("max_epochs"))
        return path
    last = last_run(Path(config.paths.output_dir), run)
    if last is None:
        log.info("no checkpoint of this command to go on with: training starts from the beginning")
        return None
    log.info("going on with %s", last)
    _state(last / LAST, config)
    config.paths.run_dir = str(last)
    return last / LAST


def refuse_other_upstream(path: Path, upstream: Mapping[str, str]) -> None:
    """Check that a resumed training has patches mined by the same networks as before.

    Args:
        upstream: digests of the weights of the networks that would mine, by name.

    Raises:
        ConfigError: for the first that differs. Checkpoints may lack the digests.
    """
    for name, digest in read_checkpoint(path)["hyper_parameters"].get("upstream", {}).items():
        if upstream.get(name) != digest:
            raise ConfigError(
                f"ckpt_path: {path} was trained on patches mined by another {name} (weights {short_digest(digest)}); "
                f"to go on with that one take ckpt_path={path} upstream.{name}=RUN, with this one init_from={path}"
            )


def _state(path: Path, config: DictConfig) -> dict[str, Any]:
    """Load and check the checkpoint to resume from."""
    stage = config.stage
    if path.suffix == ".safetensors":
        raise ConfigError(f"ckpt_path: {path} holds weights alone; to start with them take init_from={path}")
    checkpoint = read_checkpoint(path)
    if (trained := checkpoint["hyper_parameters"].get("net")) != stage:
        raise ConfigError(f"ckpt_path: {path} is of {trained or 'something else'}, but {stage} is to be trained")
    if not checkpoint.keys() >= {"epoch", "optimizer_states", "lr_schedulers", "loops"}:
        raise ConfigError(f"ckpt_path: {path} holds weights alone; to start with them take init_from={path}")
    if (normal := has_batch_norm(checkpoint["state_dict"])) != config.net.get("batch_norm", False):
        how = "with" if normal else "without"
        raise ConfigError(
            f"ckpt_path: {path} was trained {how} batch normalisation; set net.batch_norm={str(normal).lower()}, "
            f"or to train on from its weights take init_from={path}"
        )
    return checkpoint


def _refuse_trained(path: Path, checkpoint: dict[str, Any], epochs: int | None) -> None:
    """Reject a finished run: nothing is left to train, and its best is unknown in another folder."""
    trained = checkpoint["epoch"] + 1
    if epochs is not None and 0 < epochs <= trained:
        raise ConfigError(
            f"ckpt_path: {path} has trained {trained} epochs already, of {epochs}; "
            f"to train on from its weights take init_from={path}"
        )
