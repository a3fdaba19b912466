"""The one place that turns configuration into objects.

Nodes marked ``_partial_`` take live objects besides their configuration (sources, trained networks); they are
completed here.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from hydra.errors import InstantiationException
from hydra.utils import instantiate
from lightning import Callback, Trainer
from omegaconf import DictConfig, OmegaConf

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.data.datamodule import PatchDataModule
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.checkpoint import earlier_net, upstream_nets
from mtcnn_lit.images import ImageError
from mtcnn_lit.mining.mine import Miner
from mtcnn_lit.nets import NETS, Net, WeightsError, weights_digest
from mtcnn_lit.sources.base import Source, SourceError, Split
from mtcnn_lit.stages import Stage


@dataclass(frozen=True)
class Experiment:
    """All that one training run needs.

    Attributes:
        upstream: digest of the weights of each network that mined, by name: those before the stage, and `earlier`.
        init_from: digest of the weights that training starts with; None for fresh ones.
        make_cascade: the networks before the stage, and the one given, as a cascade.
    """

    stage: Stage
    data: PatchDataModule
    trainer: Trainer
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
    upstream = upstream_nets(config.stage, chosen, runs)
    make_cascade = functools.partial(build_cascade, config, "cascade", list(upstream.values()))
    earlier = earlier_net(config.stage, chosen["earlier"], runs, "upstream.earlier")
    if earlier and upstream:  # what an R-Net lets pass is moved already: no longer what it is shown
        raise ConfigError("upstream.earlier: another round is for net=pnet alone; leave it out")
    data = _build_data(config, train, val, make_cascade(earlier) if upstream or earlier else None)
    trainer = _build_trainer(config, val, make_cascade)
    start = earlier_net(config.stage, config.init_from, runs, "init_from")
    stage = _build_stage(config, start)
    miners = {**upstream, "earlier": earlier} if earlier else upstream
    digests = {name: weights_digest(net) for name, net in miners.items()}
    started = weights_digest(start) if start is not None else None
    return Experiment(stage, data, trainer, digests, started, make_cascade)


def _build_stage(config: DictConfig, start: Net | None) -> Stage:
    """The stage, its network with fresh weights or with those to start from."""
    stage = cast("Stage", build(config.net, "net")())
    if start is not None:
        stage.net.load_state_dict(start.state_dict())
    return stage


def build_source(config: DictConfig, split: Split) -> Source:
    """One split of the configured source."""
    return cast("Source", build(config.source, "source", split=split))


def chosen_split(config: DictConfig) -> Split:
    """The split that is to be measured on.

    Raises:
        ConfigError: when there is none of that name.
    """
    splits = get_args(Split)
    if config.split not in splits:
        raise ConfigError(f"split: must be one of {', '.join(splits)}, not {config.split}")
    return cast("Split", config.split)


def build_cascade(config: DictConfig, key: str, upstream: list[Net], net: Net | None = None) -> Cascade:
    """The upstream networks, and ``net`` behind them, as a cascade.

    Args:
        key: where the configuration holds face size, scale factor and thresholds: "cascade" or "detector".
    """
    nets = [*upstream, net] if net is not None else upstream
    device = next(nets[-1].parameters()).device
    settings = config[key]
    with clear_errors(key):
        return Cascade(
            **{name: each.to(device) for name, each in zip(NETS, nets, strict=False)},  # type: ignore[arg-type]
            min_face_size=settings.min_face_size,
            scale_factor=settings.scale_factor,
            thresholds=tuple(settings.thresholds),
        )


def _build_data(config: DictConfig, train: Source, val: Source, before: Cascade | None) -> PatchDataModule:
    """The data module; ``before`` are the networks that mine for R-Net and O-Net."""
    make_data, miner = build(config.data, "data"), build_miner(config, train, before)
    augment = build(config.augment, "augment")
    with clear_errors("data"):
        data = make_data(train=train, val=val, miner=miner, store_root=Path(config.paths.patch_dir), augment=augment)
    return cast("PatchDataModule", data)


def build_miner(config: DictConfig, recall_source: Source, before: Cascade | None) -> Miner:
    """The miner of a stage.

    Args:
        recall_source: images on which the mining thresholds of the networks before the stage are measured.
        before: these networks, and the stage's own as an earlier run left it; None without any of them.

    Raises:
        ConfigError: when the miner can't do with these.
    """
    make_miner = build(config.data.miner, "data.miner")
    takes_networks = "cascade" in inspect.signature(make_miner).parameters
    if takes_networks and before is None:
        raise ConfigError("upstream.earlier: this miner needs a trained network; set it to newest or to a run")
    if before and not takes_networks:
        raise ConfigError("upstream.earlier: this miner takes no network; choose data=pnet_again")
    with clear_errors("data.miner"):
        if before is None:
            return cast("Miner", make_miner())
        context = NETS[config.stage].context  # what the network will be shown
        return cast("Miner", make_miner(cascade=before, recall_source=recall_source, context=context))


def _build_trainer(config: DictConfig, val: Source, make_cascade: Callable[[Net], Cascade]) -> Trainer:
    callbacks = []
    for name, node in config.callbacks.items():
        callback = build(node, f"callbacks.{name}")
        if isinstance(callback, functools.partial):
            callback = callback(source=val, make_cascade=make_cascade)
        callbacks.append(cast("Callback", callback))
    logger = build(config.logger, "logger")
    trainer = cast("Trainer", build(config.trainer, "trainer", logger=logger, callbacks=callbacks))
    every, epochs = trainer.check_val_every_n_epoch or 1, trainer.max_epochs
    if trainer.checkpoint_callbacks and epochs is not None and every > epochs > 0:
        raise ConfigError(
            f"trainer.check_val_every_n_epoch: a checkpoint is kept after validation, which would come every {every} "
            f"epochs, of {epochs}; set it to {epochs} or less"
        )
    return trainer


def build(node: DictConfig, key: str, **live: Any) -> Any:
    """Instantiate one node; ``live`` objects go to the target as they are.

    Raises:
        ConfigError: when the target refuses its arguments.
    """
    with clear_errors(key):
        made = instantiate(node, _convert_="all", _partial_=True if live else node.get("_partial_", False))
        return made(**live) if live else made


@contextmanager
def clear_errors(key: str) -> Iterator[None]:
    """Turns what Hydra wraps around an error, and a target's own refusal, into one line that names the key."""
    try:
        yield
    except InstantiationException as error:
        cause = error.__cause__ or error
        if isinstance(cause, SourceError | WeightsError | ImageError):
            raise cause from None
        raise ConfigError(f"{key}: {str(cause).splitlines()[0]}") from error
    except (SourceError, WeightsError, ImageError):
        raise
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{key}: {error}") from error
