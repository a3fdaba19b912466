from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import albumentations as A
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from mtcnn_lit.data.augment import Augment
from mtcnn_lit.data.patches import (
    BalancedSampler,
    Label,
    PatchDataset,
    PatchError,
    batch_shares,
    label_patches,
    whole_batch,
)
from mtcnn_lit.mining.label import LabelThresholds
from mtcnn_lit.mining.store import Patches, PatchStore, PatchWriter
from mtcnn_lit.worker_processes import worker_context

KINDS = (Label.POSITIVE, Label.PART, Label.NEGATIVE)


def labels(positives: int, parts: int, negatives: int, none: int = 0) -> np.ndarray:
    kinds = np.repeat([*KINDS, Label.NONE], [positives, parts, negatives, none])
    return np.random.default_rng(0).permutation(kinds)


def epoch(sampler: BalancedSampler, number: int = 0) -> list[int]:
    sampler.set_epoch(number)
    return list(sampler)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> PatchStore:
    """Sixty patches of noise."""
    rng = np.random.default_rng(0)
    offsets = rng.uniform(-0.3, 0.3, (60, 4)).astype(np.float32)
    iou = np.linspace(0, 1, 60, dtype=np.float32)
    pixels = rng.integers(0, 256, (60, 12, 12, 3), dtype=np.uint8)

    def mine(writer: PatchWriter) -> Mapping[str, Any]:
        writer.append(Patches(pixels, iou, offsets, np.arange(60, dtype=np.int32), np.zeros(60, np.uint8)))
        return {}

    return PatchStore.open_or_mine(tmp_path_factory.mktemp("stores") / "set", {}, 12, mine)


@pytest.mark.parametrize(
    ("batch_size", "ratio", "shares"),
    [
        (10, (1, 1, 3), [2, 2, 6]),
        (512, (1, 1, 3), [102, 102, 308]),  # the rest goes to the last
        (7, (1, 1, 1), [2, 2, 3]),
        (9, (1, 1, 0), [4, 5, 0]),
        (8, (1, 0, 3), [2, 0, 6]),
        (6, (1, 0, 0), [6, 0, 0]),
        (10, (0.5, 0.5, 1.5), [2, 2, 6]),
        (60, (0.1, 0.2, 0.3), [10, 20, 30]),
    ],
)
def test_shares_of_a_batch(batch_size: int, ratio: tuple[float, float, float], shares: list[int]) -> None:
    assert batch_shares(batch_size, ratio) == shares


@pytest.mark.parametrize("ratio", [(0, 0, 0), (-1, 1, 1), (1, 3), (1, 1, 1, 3), (math.nan, 1, 1), (1, math.inf, 1)])
def test_a_ratio_without_sense(ratio: Any) -> None:
    with pytest.raises(PatchError, match=r"^data\.ratio: must be three shares of 0 or more, one of them above 0, not"):
        batch_shares(10, ratio)


@pytest.mark.parametrize(("batch_size", "ratio"), [(4, (1, 1, 3)), (10, (1, 20, 20)), (1, (1, 0, 1))])
def test_a_batch_without_room_for_a_label(batch_size: int, ratio: tuple[float, float, float]) -> None:
    """Training on negatives alone, without a word, would be worse."""
    with pytest.raises(ValueError, match=f"a batch of {batch_size} has no room for"):
        batch_shares(batch_size, ratio)


def test_every_batch_has_the_ratio() -> None:
    kinds = labels(7, 5, 20, none=3)
    sampler = BalancedSampler(kinds, 10, (1, 1, 3))
    order = epoch(sampler)
    assert len(order) == len(sampler) == 20  # five parts are enough for two batches
    for batch in (order[:10], order[10:]):
        assert [(kinds[batch] == kind).sum() for kind in KINDS] == [2, 2, 6]


def test_labels_are_mixed_within_a_batch() -> None:
    kinds = labels(100, 100, 300)
    order = np.array(epoch(BalancedSampler(kinds, 10, (1, 1, 3)))).reshape(50, 10)
    positives_at = (kinds[order] == Label.POSITIVE).sum(axis=0)
    assert (positives_at > 0).all()


def test_no_patch_comes_twice_in_an_epoch() -> None:
    order = epoch(BalancedSampler(labels(40, 33, 200), 10, (1, 1, 3)))
    assert len(set(order)) == len(order) == 160


def test_the_same_epoch_has_the_same_order_and_another_one_another() -> None:
    kinds = labels(40, 33, 200)
    first = epoch(BalancedSampler(kinds, 10, (1, 1, 3)), 3)
    sampler = BalancedSampler(kinds, 10, (1, 1, 3))
    assert epoch(sampler, 4) != first
    assert epoch(sampler, 3) == first
    for other in (2, 3):  # no epoch of a neighbouring seed is the same
        assert epoch(BalancedSampler(kinds, 10, (1, 1, 3), seed=1), other) != first


def test_all_patches_have_their_turn_in_time() -> None:
    kinds = labels(10, 10, 100, none=5)
    sampler = BalancedSampler(kinds, 10, (1, 1, 3))
    seen = {index for number in range(20) for index in epoch(sampler, number)}
    assert seen == set(np.flatnonzero(kinds != Label.NONE).tolist())


def test_a_label_without_a_share_stays_out() -> None:
    kinds = labels(20, 0, 20)
    order = epoch(BalancedSampler(kinds, 4, (1, 0, 1)))
    assert len(order) == 40
    assert [(kinds[order[:4]] == kind).sum() for kind in KINDS] == [2, 0, 2]


def test_too_few_patches_for_one_batch() -> None:
    message = "too few patches for one batch: 1, 2,000, 50 positives, parts and negatives, a batch takes 2, 2, 6;"
    with pytest.raises(ValueError, match=message):
        BalancedSampler(labels(1, 2000, 50), 10, (1, 1, 3))


def test_processes_that_train_together_share_whole_batches() -> None:
    kinds = labels(14, 15, 60)  # seven batches: two for each of three processes
    samplers = [BalancedSampler(kinds, 10, (1, 1, 3), processes=(process, 3)) for process in range(3)]
    orders = [epoch(sampler, 2) for sampler in samplers]
    assert [len(sampler) for sampler in samplers] == [len(order) for order in orders] == [20, 20, 20]
    assert len({index for order in orders for index in order}) == 60
    for batch in (part for order in orders for part in (order[:10], order[10:])):
        assert [(kinds[batch] == kind).sum() for kind in KINDS] == [2, 2, 6]


def test_too_few_patches_for_a_batch_of_each_process() -> None:
    message = "too few patches for one batch of each of 3 processes: 5, 2,000, 50 positives, parts and negatives,"
    with pytest.raises(ValueError, match=message):
        BalancedSampler(labels(5, 2000, 50), 10, (1, 1, 3), processes=(0, 3))


def test_labels_by_iou() -> None:
    iou = np.array([0.9, 0.65, 0.64, 0.4, 0.39, 0.3, 0.29, 0], np.float32)
    positive, part, negative, none = Label.POSITIVE, Label.PART, Label.NEGATIVE, Label.NONE
    assert label_patches(iou, LabelThresholds()).tolist() == [
        positive, positive, part, part, none, none, negative, negative
    ]  # fmt: skip


def test_a_batch_is_what_the_store_has(store: PatchStore) -> None:
    dataset = PatchDataset(store, LabelThresholds())
    chosen = [59, 0, 30, 20, 0]
    batch = dataset.__getitems__(chosen)
    assert np.array_equal(batch.pixels, store.patches.pixels[chosen])
    assert np.array_equal(batch.offsets, store.patches.offsets[chosen])
    assert batch.labels.tolist() == [Label.POSITIVE, Label.NEGATIVE, Label.PART, Label.NONE, Label.NEGATIVE]
    assert [column.dtype for column in batch] == [torch.uint8, torch.int64, torch.float32]
    assert len(dataset) == 60


def test_one_patch_is_a_batch_of_one(store: PatchStore) -> None:
    pixels, kinds, offsets = PatchDataset(store, LabelThresholds())[30]
    assert (pixels.shape, kinds.tolist(), offsets.shape) == ((1, 12, 12, 3), [Label.PART], (1, 4))


def test_other_thresholds_need_no_other_store(store: PatchStore) -> None:
    kinds = PatchDataset(store, LabelThresholds(positive=0.9, part=0.5, negative=0.5)).labels
    assert [(kinds == kind).sum() for kind in (*KINDS, Label.NONE)] == [6, 24, 30, 0]


def test_a_batch_may_be_changed(store: PatchStore) -> None:
    before = store.patches.pixels[:2].copy()
    PatchDataset(store, LabelThresholds()).__getitems__([0, 1]).pixels.zero_()
    assert np.array_equal(store.patches.pixels[:2], before)


def test_augmentation_follows_from_seed_and_indices_in_any_process(store: PatchStore) -> None:
    augment = Augment([A.HorizontalFlip(p=0.5), A.GaussNoise(std_range=(0.1, 0.3), p=0.9)], draws=2)
    dataset = PatchDataset(store, LabelThresholds(), augment, seed=5)
    chosen = np.random.default_rng(0).permutation(60)[:48].tolist()
    batches = [dataset.__getitems__(chosen[i : i + 8]) for i in range(40, -8, -8)][::-1]
    loader = DataLoader(
        dataset,
        sampler=chosen,
        batch_size=8,
        collate_fn=whole_batch,
        num_workers=2,
        multiprocessing_context=worker_context(),
    )
    for batch, expected in zip(loader, batches, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(batch, expected, strict=True))
    other = PatchDataset(store, LabelThresholds(), augment, seed=6).__getitems__(chosen[:8])
    assert not torch.equal(other.pixels, batches[0].pixels)
    assert torch.equal(other.labels, batches[0].labels)
