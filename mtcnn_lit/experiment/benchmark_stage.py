"""Benchmark a stage's training and mining, from a training run's configuration."""

from __future__ import annotations

import copy
import logging
import statistics
import time
from itertools import islice
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from lightning import LightningModule, Trainer, seed_everything
from lightning.pytorch.callbacks import Checkpoint
from omegaconf import DictConfig
from typing_extensions import override

from mtcnn_lit.benchmark.mining import mining_bar, mining_memory
from mtcnn_lit.benchmark.plain_work import Part
from mtcnn_lit.benchmark.tables import Bar, as_plain, bars_table
from mtcnn_lit.benchmark.timing import Rounds, pair_ratios
from mtcnn_lit.benchmark.training import bare_epoch
from mtcnn_lit.data.patches import PatchBatch
from mtcnn_lit.experiment.build_experiment import build_experiment
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.check_trainer import check_steps
from mtcnn_lit.experiment.detect import chosen_weights
from mtcnn_lit.memory import keep_freed_memory
from mtcnn_lit.nets import nets_before
from mtcnn_lit.stages import Stage

log = logging.getLogger(__name__)

# Limit of an epoch's time relative to the bare loop.
_BAR = 1.1

# What the measurement of training sets itself, and how.
_OWN = {
    "epochs": "counts epochs by warmup=… and repeats=…",
    "trainer.max_epochs": "counts epochs by warmup=… and repeats=…",
    "trainer.limit_train_batches": "counts batches by batches=…",
    "trainer.limit_val_batches": "leaves validation out",
}


class BesideBareLoop(Checkpoint):
    """Times the epochs of a run, and after each a bare loop over equally many ready batches, on a copy of the network.

    A `Checkpoint`, because Lightning calls only these after the stage's own end of the epoch, where it computes and
    logs figures: that time belongs to the epoch.

    Args:
        batches: most of an epoch.

    Attributes:
        epochs, bare: seconds of each epoch, and of each bare loop.
        ready: the batches.
    """

    def __init__(self, batches: int) -> None:
        self.epochs: Rounds = []
        self.bare: Rounds = []
        self.ready: list[PatchBatch] = []
        self._limit = batches

    @override
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Stage)
        loader = trainer.datamodule.train_dataloader()  # type: ignore[attr-defined]
        batches = islice(loader, self._limit)
        self.ready = [PatchBatch(*(column.to(pl_module.device) for column in batch)) for batch in batches]
        self._net = copy.deepcopy(pl_module.net)
        self._optimizer = pl_module.make_optimizer(self._net.parameters())

    @override
    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._start = time.perf_counter()

    @override
    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Stage)
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize()
        self.epochs.append([time.perf_counter() - self._start])
        seconds = bare_epoch(
            self._net,
            self._optimizer,
            self.ready,
            classification_loss=pl_module.classification_loss,
            box_loss=pl_module.box_loss,
            box_loss_weight=pl_module.box_loss_weight,
            context=trainer.precision_plugin.forward_context,
        )
        self.bare.append([seconds])


def use_detector_weights_upstream(config: DictConfig) -> None:
    """Mine with the detector's networks, including the released ones when no run exists."""
    for name, path in chosen_weights(config, nets_before(config.stage)).items():
        config.upstream[name] = config.upstream[name] or str(path)


def benchmark_training(config: DictConfig) -> dict[str, Any]:
    """Measure training epochs of a stage, each beside a bare loop over ready tensors; print the table.

    Returns:
        The figures, as plain values.
    """
    _refuse_own_settings()
    keep_freed_memory()  # as in training
    seed_everything(config.seed, workers=True, verbose=False)
    use_detector_weights_upstream(config)
    config.trainer.max_epochs = config.warmup + config.repeats
    experiment = build_experiment(config)
    check_steps(experiment.trainer)
    beside = BesideBareLoop(config.batches)
    experiment.trainer.callbacks.append(beside)  # type: ignore[attr-defined]
    experiment.trainer.fit(experiment.stage, experiment.data)
    epochs, bare = beside.epochs[config.warmup :], beside.bare[config.warmup :]
    name = f"{config.stage} epoch of {len(beside.ready)} batches of {len(beside.ready[0].labels)}"
    seconds, plain = (statistics.median(each for (each,) in column) for column in (epochs, bare))
    bar = Bar(f"{name} against a bare loop", seconds, plain, pair_ratios(epochs, bare)[0], _BAR)
    log.info("\n%s", bars_table([bar]))
    return {"threads": torch.get_num_threads(), "training": as_plain([bar])}


def _refuse_own_settings() -> None:
    for text in HydraConfig.get().overrides.task:
        key = text.lstrip("+").partition("=")[0]
        for own, how in _OWN.items():
            if key == own or key.startswith(f"{own}."):
                raise ConfigError(f"{key}: a benchmark {how}; leave it out")


def benchmark_mining(config: DictConfig) -> dict[str, Any]:
    """Measure the mining of a stage against the plain work, and its memory for half of the images once and twice over.

    Returns:
        The figures, as plain values.
    """
    use_detector_weights_upstream(config)
    data = build_experiment(config).data
    source = data.sources["train"]
    indices = source.spread(config.mining_images)
    half = indices[::2]
    options = {"warmup": config.warmup, "repeats": config.repeats}
    bar = mining_bar(config.stage, Part(source, indices), data.miner, data.mining_workers, **options)
    memory = {str(len(part)): mining_memory(part, data.miner) for part in (Part(source, half), Part(source, 2 * half))}
    log.info("\n%s\n", bars_table([bar]))
    for images, taken in memory.items():
        if taken is not None:
            log.info("peak memory of mining %s images above the idle process: %.0f MB", images, taken / 1e6)
    return {"workers": data.mining_workers, "mining": as_plain([bar]), "peak_memory": memory}
