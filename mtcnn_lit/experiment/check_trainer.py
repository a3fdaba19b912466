"""Check a trainer before it trains, so that a run without a result is rejected at once."""

from __future__ import annotations

from pathlib import Path

from lightning import Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from omegaconf import DictConfig

from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.runs import BEST, LAST
from mtcnn_lit.report.runs import is_loss

# Inputs are float32 like the weights; other precisions convert only the weights.
_PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")


def check_checkpoints(callbacks: DictConfig, run: Path) -> None:
    """Look for settings by which the best or the last checkpoint would not be where every command looks for it.

    Args:
        callbacks: nodes by name; one that is left out writes nothing.
        run: the run's folder.

    Raises:
        ConfigError: for the first of these.
    """
    for name, place in {"checkpoint": BEST, "last_checkpoint": LAST}.items():
        if (node := callbacks.get(name)) is None:
            continue
        if node.get("save_top_k", 1) != 1:
            raise ConfigError(
                f"callbacks.{name}.save_top_k: several would all be written to {place}, over each other; set it to 1"
            )
        for key, expected in {"filename": place.stem, "dirpath": str(run / place.parent)}.items():
            if Path(str(node.get(key))) != Path(expected):
                raise ConfigError(
                    f"callbacks.{name}.{key}: every command looks for {place} in the run's folder; set it to {expected}"
                )


def check_trainer(trainer: Trainer, stage: str, *, fused: bool = False) -> None:
    """Reject settings that leave a stage's run without an end or without a best checkpoint.

    Args:
        fused: whether the optimiser takes its step in one operation.

    Raises:
        ConfigError: for the first of these.
    """
    check_steps(trainer)
    if not any(isinstance(callback, ModelCheckpoint) and callback.monitor for callback in trainer.checkpoint_callbacks):
        raise ConfigError("callbacks.checkpoint: without it no weights are kept as the best; leave it in")
    _refuse_the_highest_loss(trainer)
    if not trainer.limit_val_batches:
        raise ConfigError("trainer.limit_val_batches: without validation no weights are the best; set it to 1 or more")
    if trainer.max_epochs == 0 or (trainer.max_epochs == -1 and trainer.max_steps == -1):
        raise ConfigError(f"epochs.{stage}: training has to have an end; set it to 1 or more")
    if fused and trainer.gradient_clip_val and trainer.precision != "32-true":
        raise ConfigError(
            "trainer.gradient_clip_val: Lightning clips no gradients of a fused optimiser in half precision; "
            "set net.optimizer.fused=false, or trainer.precision=32-true"
        )
    _refuse_unvalidated_end(trainer)


def check_steps(trainer: Trainer) -> None:
    """Reject settings that change the training steps on balanced batches.

    Raises:
        ConfigError: for the first of these.
    """
    if trainer.fast_dev_run:  # type: ignore[attr-defined]  # set dynamically by Lightning
        raise ConfigError("trainer.fast_dev_run: it keeps no checkpoint; for a short run take debug=default")
    if trainer.precision not in _PRECISIONS:
        raise ConfigError(f"trainer.precision: must be one of {', '.join(_PRECISIONS)}, not {trainer.precision}")
    if trainer.overfit_batches:  # type: ignore[attr-defined]  # as above
        raise ConfigError(
            "trainer.overfit_batches: Lightning would take patches in the order of their store, whatever their labels; "
            "for few batches take +trainer.limit_train_batches"
        )
    if trainer.accumulate_grad_batches < 1:
        raise ConfigError("trainer.accumulate_grad_batches: a step takes a batch at least; set it to 1 or more")


def _refuse_the_highest_loss(trainer: Trainer) -> None:
    """Reject mode=max for a loss: it keeps the worst checkpoint, and training stops as soon as it learns."""
    for callback in [*trainer.checkpoint_callbacks, *trainer.early_stopping_callbacks]:
        if not isinstance(callback, ModelCheckpoint | EarlyStopping):
            continue
        if is_loss(callback.monitor or "") and callback.mode == "max":
            key = "monitor.mode" if isinstance(callback, ModelCheckpoint) else "callbacks.early_stopping.mode"
            raise ConfigError(f"{key}: {callback.monitor} is better when lower; set it to min")


def _refuse_unvalidated_end(trainer: Trainer) -> None:
    """Reject a last epoch without validation: checkpoints are compared only after one."""
    every = 1 if trainer.check_val_every_n_epoch is None else trainer.check_val_every_n_epoch
    epochs = trainer.max_epochs or -1
    if every < 1:
        raise ConfigError(f"trainer.check_val_every_n_epoch: must be 1 or more, not {every}")
    if epochs > 0 and epochs % every:
        divisors = ", ".join(str(number) for number in range(1, epochs + 1) if epochs % number == 0)
        raise ConfigError(
            f"trainer.check_val_every_n_epoch: the last of {epochs} epochs would not be validated, every {every}, and "
            f"so never be the best; set it to one of {divisors}"
        )
