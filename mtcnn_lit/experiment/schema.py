"""The typed top level of the configuration: wrong keys or types are errors before anything runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, OmegaConf

from mtcnn_lit.experiment.new_folder import job_dir, new_folder
from mtcnn_lit.experiment.precision import half_if_fast


@dataclass
class Paths:
    """Where a run reads and writes."""

    output_dir: str = MISSING
    patch_dir: str = MISSING
    run_dir: str = MISSING


@dataclass
class Upstream:
    """The trained networks before the one in training: a checkpoint, a run's folder, or None for the newest run.

    ``earlier`` is a P-Net of an earlier run, whose detections are mined for P-Net: a checkpoint, a run's folder, or
    `newest`.
    """

    pnet: str | None = None
    rnet: str | None = None
    earlier: str | None = None


@dataclass
class CascadeSettings:
    """configs/detector/: how the cascade runs. In training: in mining, for `val/ap` and in the pictures."""

    min_face_size: float = MISSING
    scale_factor: float = MISSING
    thresholds: list[float] = MISSING


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
    init_from: str | None = None  # weights to start with: a checkpoint, a run's folder, `newest` or `pretrained`
    ckpt_path: str | None = None


@dataclass
class DetectorWeights:
    """A checkpoint, a run's folder or `pretrained` for each network; None takes the newest finished run."""

    pnet: str | None = None
    rnet: str | None = None
    onet: str | None = None


@dataclass
class DetectorSettings(CascadeSettings):
    """The keywords of `MTCNN`."""

    weights: DetectorWeights = field(default_factory=DetectorWeights)
    device: str = "auto"
    backend: str = "torch"


@dataclass
class DetectConfig:
    """configs/detect.yaml."""

    input: Any = MISSING
    output: dict[str, Any] = MISSING  # the outputs by name, and `path`
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    paths: Paths = field(default_factory=Paths)
    fps: float | None = None
    every: int = 1


@dataclass
class EvaluateConfig:
    """configs/evaluate.yaml."""

    stage: str | None = "${hydra:runtime.choices.net}"
    net: Any = None
    data: Any = None
    source: Any = MISSING
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    paths: Paths = field(default_factory=Paths)
    split: str | None = None
    detections: str | None = None
    draw_above: float = MISSING
    calibrate: bool = False
    recall: list[float] = MISSING
    calibration: str = MISSING
    workers: int = MISSING
    seed: int = 0


@dataclass
class ExportedNets:
    """The networks to export."""

    weights: DetectorWeights = field(default_factory=DetectorWeights)


@dataclass
class ExportSettings:
    """Where the files go."""

    path: str = MISSING


@dataclass
class ExportConfig:
    """configs/export.yaml."""

    detector: ExportedNets = field(default_factory=ExportedNets)
    export: ExportSettings = field(default_factory=ExportSettings)
    paths: Paths = field(default_factory=Paths)


class What(Enum):
    """What a benchmark measures."""

    detection = "detection"
    training = "training"
    mining = "mining"


@dataclass
class BenchmarkConfig(TrainConfig):
    """configs/benchmark.yaml: a training run's configuration besides its own, for `what=training` and `what=mining`."""

    what: What = What.detection
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    peer: Any = None
    warmup: int = MISSING
    repeats: int = MISSING
    images: str | None = None
    limit: int = MISSING
    faces_per_image: int = MISSING
    megapixels: list[float] = MISSING
    mosaic: list[int] | None = None
    threads: list[int] = MISSING
    batch_sizes: list[int] = MISSING
    batches: int = MISSING
    mining_images: int = MISSING


@dataclass
class CompareConfig:
    """configs/compare.yaml."""

    runs: list[str] = field(default_factory=list)
    paths: Paths = field(default_factory=Paths)


def register() -> None:
    """Register the schemas and the resolvers of the configurations."""
    OmegaConf.register_new_resolver("half_if_fast", half_if_fast, replace=True)
    OmegaConf.register_new_resolver("job_dir", job_dir, replace=True)
    OmegaConf.register_new_resolver("new_folder", new_folder, replace=True, use_cache=True)  # inherited by jobs
    store = ConfigStore.instance()
    store.store(name="train_schema", node=TrainConfig)
    store.store(name="detect_schema", node=DetectConfig)
    store.store(name="evaluate_schema", node=EvaluateConfig)
    store.store(name="export_schema", node=ExportConfig)
    store.store(name="benchmark_schema", node=BenchmarkConfig)
    store.store(name="compare_schema", node=CompareConfig)
