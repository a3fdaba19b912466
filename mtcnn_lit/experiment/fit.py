"""One training run, from its configuration to its summary."""

from __future__ import annotations

import json
import logging
import shlex
import time
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from lightning import Trainer, seed_everything
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import ModelCheckpoint, Timer
from omegaconf import DictConfig, OmegaConf
from torch import distributed

from mtcnn_lit.callbacks.tensorboard import tensorboard_loggers
from mtcnn_lit.errors import UserError, is_disk_full
from mtcnn_lit.experiment.after_training import evaluate_best
from mtcnn_lit.experiment.build import errors_named
from mtcnn_lit.experiment.build_experiment import Experiment, build_experiment
from mtcnn_lit.experiment.check import ConfigError, check_config
from mtcnn_lit.experiment.check_trainer import check_checkpoints, check_trainer
from mtcnn_lit.experiment.installation import command
from mtcnn_lit.experiment.next_command import closing_words
from mtcnn_lit.experiment.record import as_text, settings_of, with_weights
from mtcnn_lit.experiment.refusal import is_refusal, refusal
from mtcnn_lit.experiment.resume import refuse_other_upstream, resume_from
from mtcnn_lit.experiment.runs import EVALUATION, SUMMARY, read_summary
from mtcnn_lit.experiment.stop_training import kill_workers_on_error
from mtcnn_lit.files import write_atomically
from mtcnn_lit.memory import keep_freed_memory
from mtcnn_lit.nets import NETS, load_net, nets_before, weights_digest
from mtcnn_lit.nets.weights import save_net

_GOES_ON = "the same command with ckpt_path=last goes on"

log = logging.getLogger(__name__)


def fit(config: DictConfig) -> float:
    """Train one stage and return the monitored metric of its best checkpoint.

    Raises:
        ConfigError, SourceError, WeightsError: when the run can't start or go on; the message names the remedy.
        UserError: when the disk is full.
    """
    check_config(config)
    _refuse_unused_upstream(config)
    ckpt_path = resume_from(config)
    run = Path(config.paths.run_dir)
    if ckpt_path is not None and (finished := read_summary(run)):
        log.info("%s is finished already: nothing to go on with", run)
        return _reached(finished, config.monitor.metric, run)
    check_checkpoints(config.callbacks, run)
    keep_freed_memory()
    with errors_named("seed"):
        seed_everything(config.seed, workers=True, verbose=False)
    experiment = build_experiment(config)
    _refuse_processes_in_multirun(experiment.trainer)
    check_trainer(experiment.trainer, config.stage, fused=bool(config.net.optimizer.get("fused")))
    if ckpt_path is not None:
        refuse_other_upstream(ckpt_path, experiment.upstream)
    if experiment.trainer.is_global_zero:  # left by an earlier run in this folder
        (run / SUMMARY).unlink(missing_ok=True)
    try:
        with kill_workers_on_error(experiment.trainer):
            experiment.trainer.fit(experiment.stage, experiment.data, ckpt_path=ckpt_path, weights_only=True)
            return _summarize(config, experiment, run)
    except (SystemExit, KeyboardInterrupt):  # in training Lightning raises SystemExit
        raise KeyboardInterrupt(_GOES_ON) from None
    except (MisconfigurationException, OSError, RuntimeError, ValueError) as error:
        print()  # the progress bar has not ended its line
        if is_refusal(error):
            raise _misconfigured(config, experiment.trainer, error) from error
        if is_disk_full(error):
            raise UserError(f"{run}: no space left on the disk; make room, then {_GOES_ON}") from error
        raise


def _misconfigured(config: DictConfig, trainer: Trainer, error: Exception) -> ConfigError:
    """Explain a setting that Lightning rejects only while training."""
    logged, metric = sorted(trainer.callback_metrics), config.monitor.metric
    if logged and metric not in logged:  # raised by ModelCheckpoint after the first validation
        return ConfigError(f"monitor.metric: nothing called {metric} is logged; there are: {', '.join(logged)}")
    return ConfigError(f"trainer: {refusal(error)}")


def _reached(finished: dict[str, Any], metric: str, run: Path) -> float:
    """The monitored metric of a finished run."""
    if metric not in finished:
        raise ConfigError(f"monitor.metric: {run} is finished, and chose its best by another one; name a new folder")
    return float(finished[metric])


def _refuse_unused_upstream(config: DictConfig) -> None:
    """Reject a network before the stage that the stage does not have; a multirun's is for another of its jobs."""
    stage, unused = config.stage, set(NETS) - set(nets_before(config.stage))
    for name, chosen in config.upstream.items():
        if name in unused and chosen is not None and HydraConfig.get().mode != RunMode.MULTIRUN:
            instead = f", or to start from these weights take init_from={chosen}" if name == stage else ""
            raise ConfigError(f"upstream.{name}: {stage} is not trained behind {name}; leave it out{instead}")


def _refuse_processes_in_multirun(trainer: Trainer) -> None:
    """Reject several processes in a multirun: Lightning starts each with this command line, and it would sweep."""
    if HydraConfig.get().mode == RunMode.MULTIRUN and trainer.num_devices * trainer.num_nodes > 1:
        raise ConfigError(
            "trainer.devices: several processes can't train in a multirun; "
            "set it to 1 and take one job per GPU (hydra/launcher=submitit_slurm)"
        )


def _summarize(config: DictConfig, experiment: Experiment, run: Path) -> float:
    """Evaluate the best checkpoint, write the summary, log the hyperparameters and the next command."""
    best = _best_score(experiment.trainer, config.monitor.metric)
    if distributed.is_initialized():  # the first process does the rest; its metrics must not wait for others
        distributed.destroy_process_group()
    if not experiment.trainer.is_global_zero:
        return best
    net = load_net(run, config.stage).to(experiment.trainer.strategy.root_device)
    scores = evaluate_best(experiment, net, run)
    figures = {
        f"best/{config.monitor.metric}": best,
        f"{EVALUATION}/ap": scores.ap[0],
        f"{EVALUATION}/ap_50_95": scores.ap[1],
    }
    hyperparameters = _hyperparameters(config, experiment.upstream, experiment.init_from)
    _log_hyperparameters(hyperparameters, experiment.trainer, figures)
    save_net(net, config.stage, run / f"{config.stage}.safetensors", {"command": _command()})
    summary = {
        "stage": config.stage,
        "finished": time.time(),
        config.monitor.metric: best,
        f"{EVALUATION}/ap": scores.ap[0],
        "weights": weights_digest(net),
        "upstream": experiment.upstream,
        "init_from": experiment.init_from,
        "last_epoch": {name: float(value) for name, value in experiment.trainer.callback_metrics.items()},
    }
    write_atomically(run / SUMMARY, json.dumps(summary, indent=2) + "\n")
    log.info("%s", closing_words(config, best, run, experiment.upstream_paths))
    return best


def _best_score(trainer: Trainer, metric: str) -> float:
    """The monitored metric of the best checkpoint.

    Raises:
        ConfigError: when training ended without one.
    """
    checkpoint, ended = trainer.checkpoint_callback, "training ended before a validation could choose the best"
    if isinstance(checkpoint, ModelCheckpoint) and checkpoint.best_model_score is not None:
        return float(checkpoint.best_model_score)
    if trainer.max_steps != -1 and trainer.global_step >= trainer.max_steps:
        raise ConfigError(f"trainer.max_steps: {ended}; set more, or validate more often")
    callbacks = trainer.callbacks  # type: ignore[attr-defined]  # Lightning sets it from afar
    if any(isinstance(callback, Timer) for callback in callbacks):
        raise ConfigError(f"trainer.max_time: {ended}; set more, or validate more often")
    raise ConfigError(f"monitor.metric: nothing called {metric} was logged, so no checkpoint is best")


def _log_hyperparameters(hyperparameters: dict[str, Any], trainer: Trainer, figures: dict[str, float]) -> None:
    """TensorBoard's HParams page of the run, in its file when this returns."""
    for logger in tensorboard_loggers(trainer):
        logger.log_hyperparams(hyperparameters, figures, trainer.global_step)
        logger.experiment.flush()  # nobody closes it, and its writer thread ends with the process


def _hyperparameters(config: DictConfig, upstream: dict[str, str], init_from: str | None) -> dict[str, Any]:
    """The settings that `scripts/compare.py` compares, as scalars for TensorBoard's HParams page.

    Interpolated settings are left out.

    Args:
        upstream, init_from: digests of weights, as in `Experiment`.
    """
    plain = cast("dict[str, Any]", OmegaConf.to_container(config))
    settings = settings_of(plain, HydraConfig.get().runtime.choices)
    own = {key: _scalar(value) for key, value in settings.items() if "${" not in str(value)}
    own["trainer.precision"] = str(config.trainer.precision)  # may be interpolated from the machine
    return with_weights(own, upstream, init_from)


def _scalar(value: Any) -> bool | int | float | str:
    """What TensorBoard takes: numbers as they are, all else as text."""
    return value if isinstance(value, bool | int | float) else as_text(value)


def _command() -> str:
    """The command line that trains these weights."""
    words = [*command("train").split(), *HydraConfig.get().overrides.task]
    return shlex.join(word for word in words if not word.startswith(("paths.", "ckpt_path=")))
