"""Batches of patches: a dataset with batched reads, and a sampler that keeps the ratio of the labels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from enum import IntEnum
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from mtcnn_lit.data.augment import Augment
from mtcnn_lit.errors import UserError
from mtcnn_lit.mining.label import LabelThresholds
from mtcnn_lit.mining.store import PatchStore


class Label(IntEnum):
    """The use of a patch: classification (negative, positive), box regression (positive, part) or none."""

    NEGATIVE = 0
    POSITIVE = 1
    PART = 2
    NONE = 3


class PatchError(UserError):
    """Mined patches that can't be trained on; the message says what to change."""


class PatchBatch(NamedTuple):
    """Attributes: pixels (N, S, S, 3) uint8 RGB; labels (N,) int64, a `Label`; offsets (N, 4) float32."""

    pixels: Tensor
    labels: Tensor
    offsets: Tensor

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as arrays between processes: faster than a file descriptor for each tensor."""
        return _from_arrays, tuple(column.numpy() for column in self)


def _from_arrays(*columns: npt.NDArray[Any]) -> PatchBatch:
    return PatchBatch(*(torch.from_numpy(column) for column in columns))


def label_patches(iou: npt.NDArray[np.float32], thresholds: LabelThresholds) -> npt.NDArray[np.int64]:
    """The `Label` of each patch by its IoU. Shape: (N,) -> (N,)."""
    positive, part, negative = thresholds.masks(iou)
    return np.select([positive, part, negative], [Label.POSITIVE, Label.PART, Label.NEGATIVE], Label.NONE).astype(
        np.int64
    )


class PatchDataset(Dataset[PatchBatch]):
    """Patches of a store, read by the batch: use ``DataLoader(..., collate_fn=whole_batch)``.

    Args:
        store: the mined set.
        thresholds: IoU that makes a patch positive, part or negative.
        augment: applied to each batch, or None.
        seed: of the augmentation. A batch's augmentation depends only on this and its indices, not on the number of
            workers or a resume.
    """

    def __init__(
        self, store: PatchStore, thresholds: LabelThresholds, augment: Augment | None = None, seed: int = 0
    ) -> None:
        self.store = store
        self.labels = label_patches(np.asarray(store.patches.iou), thresholds)
        self.augment = augment
        self.seed = seed

    def __len__(self) -> int:
        return len(self.labels)

    def __getitems__(self, indices: Sequence[int]) -> PatchBatch:
        chosen = np.asarray(indices)
        patches = self.store.patches
        pixels = np.asarray(patches.pixels).take(chosen, axis=0)  # faster than an index
        offsets = np.asarray(patches.offsets).take(chosen, axis=0)
        if self.augment is not None:
            pixels, offsets = self.augment(pixels, offsets, np.random.SeedSequence([self.seed, *chosen[:8].tolist()]))
        return PatchBatch(torch.from_numpy(pixels), torch.from_numpy(self.labels[chosen]), torch.from_numpy(offsets))

    def __getitem__(self, index: int) -> PatchBatch:
        """A batch of one."""
        return self.__getitems__([index])


def whole_batch(batch: PatchBatch) -> PatchBatch:
    """Collate function: `PatchDataset` already returns batches."""
    return batch


class BalancedSampler(Sampler[int]):
    """Orders patches so that every batch has the same numbers of positives, parts and negatives.

    Within an epoch no patch comes twice; the epoch ends when the label that is rarest relative to its share is used up.
    The next one draws anew, so that over epochs all patches of the other labels are used.

    With several processes, each gets its own whole batches, and all get equally many.

    Args:
        labels: (N,) `Label` of each patch.
        batch_size: patches of a batch.
        ratio: shares of positives, parts and negatives; 0 leaves a label out.
        seed: of the order, together with the epoch (`set_epoch`, which Lightning calls).
        processes: the rank and the number of processes; the order is the same in each.

    Raises:
        PatchError: when a label with a share has too few patches for a single batch of each process.
    """

    def __init__(
        self,
        labels: npt.NDArray[np.int64],
        batch_size: int,
        ratio: tuple[float, float, float],
        seed: int = 0,
        processes: tuple[int, int] = (0, 1),
    ) -> None:
        self.epoch, self.seed, self._processes = 0, seed, processes
        self._members = [np.flatnonzero(labels == kind) for kind in (Label.POSITIVE, Label.PART, Label.NEGATIVE)]
        self._shares = batch_shares(batch_size, ratio)
        each = min(len(m) // share for m, share in zip(self._members, self._shares, strict=True) if share)
        self.batches = each // processes[1]
        if self.batches == 0:
            has = ", ".join(f"{len(members):,}" for members in self._members)
            needs = ", ".join(str(share) for share in self._shares)
            of_each = f" of each of {processes[1]} processes" if processes[1] > 1 else ""
            raise PatchError(
                f"too few patches for one batch{of_each}: {has} positives, parts and negatives, a batch takes {needs}; "
                "mine more images or set a smaller data.batch_size"
            )

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch, which determines the order."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.batches * sum(self._shares)

    def __iter__(self) -> Iterator[int]:
        rng = np.random.default_rng([self.seed, self.epoch])
        process, processes = self._processes
        count = self.batches * processes
        columns = [
            rng.permutation(members)[: count * share].reshape(count, share)
            for members, share in zip(self._members, self._shares, strict=True)
        ]
        batches = rng.permuted(np.concatenate(columns, axis=1), axis=1)[process::processes]
        return chain.from_iterable(batch.tolist() for batch in batches)  # not as a list of millions


def batch_shares(batch_size: int, ratio: tuple[float, float, float]) -> list[int]:
    """Patches of each label in a batch: by the ratio; the remainder goes to the last label with a share.

    Raises:
        PatchError: when the ratio makes no sense, or the batch is so small that a label with a share gets no patch.
    """
    if len(ratio) != 3 or min(ratio) < 0 or not 0 < sum(ratio) < math.inf:
        raise PatchError(f"data.ratio: must be three shares of 0 or more, one of them above 0, not {list(ratio)}")
    shares = [int(batch_size * part / sum(ratio) + 1e-9) for part in ratio]  # .3 / (.1 + .2 + .3) is less than a half
    last = max(kind for kind in range(3) if ratio[kind])
    shares[last] += batch_size - sum(shares)
    if any(part and not share for part, share in zip(ratio, shares, strict=True)):
        raise PatchError(
            f"a batch of {batch_size} has no room for positives : parts : negatives of {' : '.join(map(str, ratio))}; "
            "set a larger data.batch_size"
        )
    return shares
