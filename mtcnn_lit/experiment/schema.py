"""The typed top level of the configuration: a wrong key or type there is an error before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING


@dataclass
class Paths:
    """Where a run reads and writes."""

    output_dir: str = MISSING
    patch_dir: str = MISSING
    run_dir: str = MISSING


@dataclass
class Upstream:
    """The trained networks before the one in training: a checkpoint, a run's folder, or None for the newest run."""

    pnet: str | None = None
    rnet: str | None = None


@dataclass
class CascadeSettings:
    """How the cascade runs while it is trained: in mining, for `val/ap` and in the pictures."""

    min_face_size: float = 20
    scale_factor: float = 0.709
    thresholds: list[float] = field(default_factory=lambda: [0.5, 0.5, 0.3])


@dataclass
class Epochs:
    """How long each stage trains."""

    pnet: int = 16
    rnet: int = 16
    onet: int = 16


@dataclass
class Monitor:
    """The metric that chooses the best checkpoint and is returned to sweeps."""

    metric: str = "val/ap"
    mode: str = "max"


@dataclass
class TrainConfig:
    """configs/train.yaml."""

    stage: str = "${hydra:runtime.choices.net}"
    net: Any = MISSING
    data: Any = MISSING
    source: Any = MISSING
    augment: Any = MISSING
    callbacks: dict[str, Any] = MISSING
    logger: Any = MISSING
    trainer: Any = MISSING
    paths: Paths = field(default_factory=Paths)
    upstream: Upstream = field(default_factory=Upstream)
    cascade: CascadeSettings = field(default_factory=CascadeSettings)
    epochs: Epochs = field(default_factory=Epochs)
    monitor: Monitor = field(default_factory=Monitor)
    seed: int = 0
    ckpt_path: str | None = None


def register() -> None:
    """Make the schemas known to Hydra."""
    ConfigStore.instance().store(name="train_schema", node=TrainConfig)
