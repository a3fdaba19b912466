"""Benchmark detection, the training of a stage or its mining on this machine."""

from __future__ import annotations

import json
import logging
import math
import time
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mtcnn_lit.benchmark.machine import machine
from mtcnn_lit.experiment.benchmark_detection import benchmark_detection
from mtcnn_lit.experiment.benchmark_stage import benchmark_mining, benchmark_training
from mtcnn_lit.experiment.check import ConfigError, check_config
from mtcnn_lit.experiment.schema import What
from mtcnn_lit.files import write_atomically

log = logging.getLogger(__name__)

_FIGURES = "benchmark.json"
_SMALLEST = 0.001  # megapixels: 36 by 27 px
_MEASURES = {
    What.detection: benchmark_detection,
    What.training: benchmark_training,
    What.mining: benchmark_mining,
}


def benchmark(config: DictConfig) -> None:
    """Measure what ``config.what`` says, print it as tables and keep it as JSON in the run's folder.

    Raises:
        UserError: when something needed is missing; the message names the remedy.
    """
    check_config(config)
    refuse_what_is_not_used(config)
    check_numbers(config)
    start = time.perf_counter()
    here = machine()
    log.info("%s, %s cores, Python %s, torch %s\n", here["cpu"], here["cores"], here["python"], here["torch"])
    figures = _MEASURES[config.what](config)
    path = Path(config.paths.run_dir) / _FIGURES
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps({"machine": here, "command": _command(), **figures}, indent=2) + "\n")
    log.info("\n%.1f s in all", time.perf_counter() - start)
    log.info("  figures     %s", path)


def refuse_what_is_not_used(config: DictConfig) -> None:
    """Reject settings that would be ignored.

    Raises:
        ConfigError: for the first of them.
    """
    if config.ckpt_path is not None:
        raise ConfigError("ckpt_path: a benchmark trains from the beginning; leave it out")
    if config.peer is not None and config.what != What.detection:
        raise ConfigError(f"peer: is another detector; with what={config.what.name} leave it out")


def check_numbers(config: DictConfig) -> None:
    """Check a benchmark's numeric settings.

    Raises:
        ConfigError: for the first invalid one.
    """
    least = {"repeats": 1, "warmup": 0, "limit": 1, "faces_per_image": 0, "batches": 1, "mining_images": 1}
    for name, lowest in least.items():
        if config[name] < lowest:
            raise ConfigError(f"{name} must be {lowest} or more, not {config[name]}")
    for name in ("threads", "batch_sizes"):
        if not config[name] or min(config[name]) < 1:
            raise ConfigError(f"{name} must be a list of numbers from 1 on, not {list(config[name])}")
    sizes = list(config.megapixels)
    if not all(_SMALLEST <= size < math.inf for size in sizes):
        raise ConfigError(f"megapixels must all be {_SMALLEST} or more, not {sizes}")
    if len({f"{size:g}" for size in sizes}) < len(sizes):  # as the sets of pictures are named
        raise ConfigError(f"megapixels must all differ: {sizes}")
    if config.mosaic is not None and (len(config.mosaic) != 2 or min(config.mosaic) < 1):
        raise ConfigError(f"mosaic must be a height and a width, such as [1080,1920], not {list(config.mosaic)}")


def _command() -> list[str]:
    """The overrides of the command line."""
    overrides: list[Any] = list(HydraConfig.get().overrides.task)
    return [str(text) for text in overrides]
