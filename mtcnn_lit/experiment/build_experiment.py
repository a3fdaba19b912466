"""A whole training run from its configuration: stage, data and trainer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from lightning import Callback, Trainer
from lightning.fabric.utilities.exceptions import MisconfigurationException
from omegaconf import DictConfig, OmegaConf

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.data.datamodule import PatchDataModule
from mtcnn_lit.experiment.build import build, build_cascade, build_miner, build_source, errors_named
from mtcnn_lit.experiment.check import ConfigError, nearest
from mtcnn_lit.experiment.precision import warn_of_slow_precision
from mtcnn_lit.experiment.refusal import is_refusal, refusal
from mtcnn_lit.experiment.resume import KeepBest
from mtcnn_lit.experiment.runs import trained_net, upstream_nets, upstream_paths, warn_of_mismatched_upstream
from mtcnn_lit.experiment.stop_training import StopOnSigterm
from mtcnn_lit.nets import Net, weights_digest
from mtcnn_lit.sources.base import Source
from mtcnn_lit.stages import Stage
from mtcnn_lit.stages.base import make_schedule

_GPUS = ("gpu", "cuda", "mps")
_MANY_STEPS = 10**9  # of a schedule that is only tried: as many as no setting is too short for


@dataclass(frozen=True)
class Experiment:
    """All that one training run needs.

    Attributes:
        upstream_paths: what each network before the stage was loaded from, by name.
        upstream: digest of the weights of each network that mined, by name: those before the stage, and `earlier`.
        init_from: digest of the weights that training starts with; None for fresh ones.
        make_cascade: the networks before the stage, and the one given, as a cascade.
    """

    stage: Stage
    data: PatchDataModule
    trainer: Trainer
    upstream_paths: dict[str, str | Path]
    upstream: dict[str, str]
    init_from: str | None
    make_cascade: Callable[[Net], Cascade]


def build_experiment(config: DictConfig) -> Experiment:
    """Everything that ``configs/train.yaml`` describes.

    Raises:
        ConfigError: when an object refuses its settings.
        SourceError, WeightsError: when data or upstream weights are missing.
    """
    train, val = build_source(config, "train"), build_source(config, "val")
    chosen = cast("dict[str, str | None]", OmegaConf.to_container(config.upstream, resolve=True))
    runs = Path(config.paths.output_dir)
    paths = upstream_paths(config.stage, chosen, runs)
    warn_of_mismatched_upstream(paths)
    upstream = upstream_nets(paths)
    make_cascade = functools.partial(build_cascade, config, "cascade", list(upstream.values()))
    earlier = trained_net(config.stage, chosen["earlier"], runs, "upstream.earlier")
    if earlier and upstream:  # R-Net's output boxes are regressed: they are not its input
        raise ConfigError("upstream.earlier: another round is for net=pnet alone; leave it out")
    data = _build_data(config, train, val, make_cascade(earlier) if upstream or earlier else None)
    trainer = _build_trainer(config, val, make_cascade)
    start = trained_net(config.stage, config.init_from, runs, "init_from")
    stage = cast("Stage", build(config.net, "net", start=start))
    _check_training(stage)
    miners = {**upstream, "earlier": earlier} if earlier else upstream
    digests = {name: weights_digest(net) for name, net in miners.items()}
    stage.hparams["upstream"] = digests  # in each checkpoint: see `mtcnn_lit.experiment.resume`
    started = weights_digest(start) if start is not None else None
    return Experiment(stage, data, trainer, paths, digests, started, make_cascade)


def _check_training(stage: Stage) -> None:
    """Try optimiser, schedule and losses now: training first uses them once patches are mined."""
    with errors_named("net.optimizer"):
        try:
            optimizer = stage.make_optimizer(stage.parameters())
        except RuntimeError as error:  # options that exclude each other
            raise ConfigError(f"net.optimizer: {error}") from error
    if stage.make_scheduler is not None:
        with errors_named("net.scheduler"):
            make_schedule(stage.make_scheduler, optimizer, _MANY_STEPS)
    logits, offsets, none = torch.zeros(0), torch.zeros(0, 4), torch.zeros(0, dtype=torch.bool)
    with errors_named("net"):
        stage.classification_loss(logits, none, none)
        stage.box_loss(offsets, offsets, none)


def _build_data(config: DictConfig, train: Source, val: Source, before: Cascade | None) -> PatchDataModule:
    """The data module; ``before`` are the networks that mine for R-Net and O-Net."""
    live = {"miner": build_miner(config, train, before), "augment": build(config.augment, "augment")}
    store_root = Path(config.paths.patch_dir)
    return cast("PatchDataModule", build(config.data, "data", train=train, val=val, store_root=store_root, **live))


def _build_trainer(config: DictConfig, val: Source, make_cascade: Callable[[Net], Cascade]) -> Trainer:
    callbacks: list[Callback] = [StopOnSigterm(), KeepBest()]
    for name, node in config.callbacks.items():
        if node is None:  # left out, as `callbacks.early_stopping=null` does
            continue
        if not _is_callback(node):
            there = [other for other, each in config.callbacks.items() if _is_callback(each)]
            raise ConfigError(
                f"callbacks.{name}: no such callback{nearest(str(name), there) or '; give it a _target_'}"
            )
        live = {"source": val, "make_cascade": make_cascade} if node.get("_partial_") else {}
        callbacks.append(cast("Callback", _build(node, f"callbacks.{name}", **live)))
    if config.trainer.get("accelerator") in _GPUS and not torch.accelerator.is_available():
        raise ConfigError("trainer.accelerator: torch finds no GPU here; take trainer=cpu")
    if isinstance(most := config.trainer.get("max_time"), int | float):
        raise ConfigError(
            f"trainer.max_time: must be days:hours:minutes:seconds, such as 00:00:10:00 for ten minutes, not {most}"
        )
    warn_of_slow_precision(config.trainer)
    logger = build(config.logger, "logger")
    return cast("Trainer", _build(config.trainer, "trainer", logger=logger, callbacks=callbacks))


def _is_callback(node: Any) -> bool:
    return isinstance(node, DictConfig) and "_target_" in node


def _build(node: DictConfig, key: str, **live: object) -> object:
    """As `build`; what Lightning refuses is not always a ValueError."""
    try:
        return build(node, key, **live)
    except (MisconfigurationException, RuntimeError) as error:
        if not is_refusal(error):
            raise
        raise ConfigError(f"{key}: {refusal(error)}") from error
