"""PatchDataModule: mines what is missing, then serves balanced batches."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader

from mtcnn_lit.data.augment import Augment
from mtcnn_lit.data.patches import (
    BalancedSampler,
    Label,
    PatchBatch,
    PatchDataset,
    PatchError,
    batch_shares,
    whole_batch,
)
from mtcnn_lit.errors import check_counts
from mtcnn_lit.mining.label import LabelThresholds
from mtcnn_lit.mining.mine import Miner, count_unread, mine
from mtcnn_lit.mining.store import PatchStore
from mtcnn_lit.parallel import cores
from mtcnn_lit.sources.base import Source
from mtcnn_lit.worker_processes import start_loader, worker_context

log = logging.getLogger(__name__)


class PatchDataModule(LightningDataModule):
    """Training and validation patches of one stage.

    Args:
        train, val: annotated images to mine.
        miner: cuts patches from an image.
        store_root: folder of the patch stores, shared by all runs.
        thresholds: IoU that makes a patch positive, part or negative.
        batch_size: patches of a training batch.
        ratio: positives : parts : negatives of a training batch.
        augment: of training patches, or None.
        workers: processes that load batches. None takes one if training leaves it a core: a training operation runs on
            all threads and is as slow as the slowest of them.
        mining_workers: processes that mine.
        seed: of the order and the augmentation.

    Raises:
        PatchError: when a batch is too small for the ratio.
        SourceError: when no training image has a face.
        ValueError: when another setting makes no sense.
    """

    def __init__(
        self,
        train: Source,
        val: Source,
        miner: Miner,
        store_root: Path,
        *,
        thresholds: LabelThresholds,
        batch_size: int,
        ratio: tuple[float, float, float] = (1, 1, 3),
        augment: Augment | None = None,
        workers: int | None = None,
        mining_workers: int = 2,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_counts(1, batch_size=batch_size)
        check_counts(workers=workers or 0, mining_workers=mining_workers, seed=seed)
        batch_shares(batch_size, ratio)
        train.check_faces()
        self.sources = {"train": train, "val": val}
        self.miner, self.store_root = miner, store_root
        self.thresholds, self.batch_size, self.ratio = thresholds, batch_size, ratio
        self.augment, self.workers, self.mining_workers, self.seed = augment, workers, mining_workers, seed
        self.datasets: dict[str, PatchDataset] = {}

    def prepare_data(self) -> None:
        """Mine both splits, unless they are on disk."""
        for source in self.sources.values():
            self._store(source)

    def setup(self, stage: str) -> None:
        """Open both sets and log their contents."""
        for split, source in self.sources.items():
            augment = self.augment if split == "train" else None
            dataset = PatchDataset(self._store(source), self.thresholds, augment, self.seed)
            log.info("%s patches: %s", split, describe(dataset))
            count_unread(source, dataset.store)
            if split == "val" and (dataset.labels == Label.NONE).all():  # no validation would mean no checkpoint
                raise PatchError("no validation patch has a label: take other validation pictures, or other thresholds")
            self.datasets[split] = dataset

    def _store(self, source: Source) -> PatchStore:
        return mine(source, self.miner, self.store_root, self.mining_workers)

    def train_dataloader(self) -> DataLoader[PatchBatch]:
        """Balanced batches, each patch at most once an epoch."""
        dataset = self.datasets["train"]
        sampler = BalancedSampler(dataset.labels, self.batch_size, self.ratio, self.seed, self._processes())
        return self._loader(dataset, sampler=sampler, batch_size=self.batch_size, drop_last=True)

    def val_dataloader(self) -> DataLoader[PatchBatch]:
        """All validation patches with a label, in order, split among the processes."""
        dataset, (process, processes) = self.datasets["val"], self._processes()
        labelled = np.flatnonzero(dataset.labels != Label.NONE)[process::processes].tolist()
        return self._loader(dataset, sampler=labelled, batch_size=4 * self.batch_size)

    def _processes(self) -> tuple[int, int]:
        """The rank and the number of processes. Lightning's distributed sampler would mix the batches."""
        return (self.trainer.global_rank, self.trainer.world_size) if self.trainer is not None else (0, 1)

    def _loader(self, dataset: PatchDataset, **options: object) -> DataLoader[PatchBatch]:
        workers = self._default_workers() if self.workers is None else self.workers
        return DataLoader(
            dataset,
            collate_fn=whole_batch,  # type: ignore[arg-type]
            num_workers=workers,
            persistent_workers=workers > 0,
            multiprocessing_context=worker_context() if workers else None,
            worker_init_fn=start_loader,
            **options,  # type: ignore[arg-type]
        )

    def _default_workers(self) -> int:
        """One if training leaves a core, else none."""
        on_gpu = self.trainer is not None and self.trainer.strategy.root_device.type != "cpu"
        return int(on_gpu or cores() > torch.get_num_threads())


def describe(dataset: PatchDataset) -> str:
    """One line: counts by label and by origin."""
    counts = np.bincount(dataset.labels, minlength=len(Label))
    labels = ", ".join(
        f"{counts[kind]:,} {word}"
        for kind, word in (
            (Label.POSITIVE, "positive"),
            (Label.PART, "part"),
            (Label.NEGATIVE, "negative"),
            (Label.NONE, "none"),
        )
    )
    origins = ", ".join(f"{count:,} {origin}" for origin, count in dataset.store.manifest["origins"].items() if count)
    return f"{len(dataset):,} ({labels}; {origins}) in {dataset.store.folder.name}"
