from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import albumentations as A
import numpy as np
import pytest
import torch

from mtcnn_lit.data.augment import Augment
from mtcnn_lit.data.datamodule import PatchDataModule, describe
from mtcnn_lit.data.patches import Label, PatchBatch, PatchDataset, PatchError
from mtcnn_lit.mining.label import LabelThresholds
from mtcnn_lit.mining.random_crops import RandomCrops
from mtcnn_lit.mining.store import Patches, PatchStore
from mtcnn_lit.sources import SourceError, Synthetic
from tests.broken_picture import break_the_first_picture

SOURCES = [
    Synthetic(
        split,
        num_images={"train": 4, "val": 2},
        image_size=(96, 128),
        face_height=(24, 60),
        faces_per_image=(1, 2),
    )
    for split in ("train", "val")
]


def datamodule(store_root: Path, **options: Any) -> PatchDataModule:
    module = PatchDataModule(
        SOURCES[0],
        SOURCES[1],
        RandomCrops(random_per_image=40),
        store_root,
        **{"thresholds": LabelThresholds(), "batch_size": 10, "workers": 0, "mining_workers": 0, **options},
    )
    module.prepare_data()
    module.setup("fit")
    return module


@pytest.fixture(scope="module")
def store_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


def training_batches(module: PatchDataModule, epoch: int = 0) -> list[PatchBatch]:
    loader = module.train_dataloader()
    loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]  # as Lightning does
    return list(loader)


def counts(labels: torch.Tensor) -> list[int]:
    return [int((labels == kind).sum()) for kind in (Label.POSITIVE, Label.PART, Label.NEGATIVE, Label.NONE)]


def trainer(process: int = 0, processes: int = 1, device: str = "cpu") -> Any:
    """As much of a Trainer as the data module asks."""
    strategy = SimpleNamespace(root_device=torch.device(device))
    return SimpleNamespace(global_rank=process, world_size=processes, strategy=strategy)


def test_training_batches(store_root: Path) -> None:
    batches = training_batches(datamodule(store_root))
    assert len(batches) > 3
    for pixels, labels, offsets in batches:
        assert (pixels.shape, pixels.dtype) == ((10, 12, 12, 3), torch.uint8)
        assert (labels.shape, labels.dtype) == ((10,), torch.int64)
        assert (offsets.shape, offsets.dtype) == ((10, 4), torch.float32)
        assert counts(labels) == [2, 2, 6, 0]


def test_the_ratio_is_as_asked_for(store_root: Path) -> None:
    (_, labels, _), *_ = training_batches(datamodule(store_root, batch_size=12, ratio=(1, 0, 2)))
    assert counts(labels) == [4, 0, 8, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratio": (1, 3)}, r"^data\.ratio: must be three shares of 0 or more, one of them above 0, not \[1, 3\]"),
        ({"ratio": (0, 0, 0)}, r"^data\.ratio: must be three shares of 0 or more"),
        ({"batch_size": 2}, r"a batch of 2 has no room for .*; set a larger data\.batch_size"),
        ({"batch_size": 0}, "batch_size must be a whole number, 1 or more, not 0"),
        ({"workers": -1}, "^workers must be a whole number, 0 or more, not -1"),
        ({"mining_workers": -1}, "^mining_workers must be a whole number, 0 or more, not -1"),
        ({"seed": -1}, "^seed must be a whole number, 0 or more, not -1"),
    ],
)
def test_what_can_not_be_is_refused_before_mining(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        datamodule(tmp_path, **options)
    assert list(tmp_path.iterdir()) == []


def test_training_images_without_a_face_are_refused_before_mining(tmp_path: Path) -> None:
    faceless = Synthetic(
        "train", num_images={"train": 2}, image_size=(96, 128), face_height=(24, 60), faces_per_image=(0, 0)
    )
    message = r"no face in the train split \(Synthetic train: 2 images, 0 faces, .*; check source\.faces_per_image"
    with pytest.raises(SourceError, match=message):
        PatchDataModule(faceless, SOURCES[1], RandomCrops(), tmp_path, thresholds=LabelThresholds(), batch_size=10)


def test_an_epoch_comes_again_with_its_augmentation(store_root: Path) -> None:
    augment = Augment([A.HorizontalFlip(p=0.5), A.GaussNoise(p=0.5)], draws=5)
    first = training_batches(datamodule(store_root, augment=augment), epoch=1)
    again = training_batches(datamodule(store_root, augment=augment), epoch=1)
    other = training_batches(datamodule(store_root, augment=augment), epoch=2)
    plain = training_batches(datamodule(store_root), epoch=1)
    for a, b in zip(first, again, strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
    assert not torch.equal(first[0].pixels, other[0].pixels)
    assert not all(torch.equal(a.pixels, b.pixels) for a, b in zip(first, plain, strict=True))
    assert all(torch.equal(a.labels, b.labels) for a, b in zip(first, plain, strict=True))


def test_the_seed_decides_on_the_order_and_on_the_augmentation(store_root: Path) -> None:
    augment = Augment([A.GaussNoise(p=1)], draws=5)
    zero, again, one = (datamodule(store_root, augment=augment, seed=seed) for seed in (0, 0, 1))
    orders = [list(module.train_dataloader().sampler) for module in (zero, again, one)]
    assert orders[0] == orders[1] != orders[2]
    noisy = [module.datasets["train"].__getitems__([0, 1, 2]).pixels for module in (zero, again, one)]
    assert torch.equal(noisy[0], noisy[1])
    assert not torch.equal(noisy[0], noisy[2])


def test_validation_has_every_labelled_patch_once_and_untouched(store_root: Path) -> None:
    module = datamodule(store_root, augment=Augment([A.HorizontalFlip(p=1)]))
    pixels, labels, offsets = (torch.cat(column) for column in zip(*module.val_dataloader(), strict=True))
    patches, kinds = module.datasets["val"].store.patches, module.datasets["val"].labels
    labelled = kinds != Label.NONE
    assert 0 < (~labelled).sum() < 0.3 * len(kinds)
    assert np.array_equal(pixels, patches.pixels[labelled])
    assert np.array_equal(labels, kinds[labelled])
    assert np.array_equal(offsets, patches.offsets[labelled])
    assert set(patches.image) == {0, 1}


def test_processes_share_the_batches_and_the_validation_patches(store_root: Path) -> None:
    alone, trained, validated = datamodule(store_root), [], []
    whole = next(iter(datamodule(store_root, batch_size=1000, ratio=(0, 0, 1)).val_dataloader())).pixels
    for process in range(2):
        module = datamodule(store_root)
        module.trainer = trainer(process, 2)
        trained.append(training_batches(module, epoch=1))
        validated.append(torch.cat([pixels for pixels, _, _ in module.val_dataloader()]))
    assert len(trained[0]) == len(trained[1]) == len(training_batches(alone)) // 2
    assert all(counts(labels) == [2, 2, 6, 0] for batches in trained for _, labels, _ in batches)
    assert torch.equal(validated[0], whole[0::2])
    assert torch.equal(validated[1], whole[1::2])


def test_validation_batches_are_four_times_as_large(store_root: Path) -> None:
    pixels, _, _ = next(iter(datamodule(store_root).val_dataloader()))
    assert pixels.shape == (40, 12, 12, 3)


@pytest.mark.parametrize(
    ("device", "spare", "workers", "expected"),
    [("cpu", 0, None, 0), ("cpu", 6, None, 1), ("cuda", 0, None, 1), ("cpu", 0, 3, 3), ("cuda", 6, 0, 0)],
)
def test_batches_are_loaded_beside_training_where_a_core_is_left_for_it(
    store_root: Path, monkeypatch: pytest.MonkeyPatch, device: str, spare: int, workers: int | None, expected: int
) -> None:
    monkeypatch.setattr("mtcnn_lit.data.datamodule.cores", lambda: torch.get_num_threads() + spare)
    module = datamodule(store_root, workers=workers)
    module.trainer = trainer(device=device)
    assert module.train_dataloader().num_workers == expected
    assert module.val_dataloader().num_workers == expected


def test_both_splits_are_mined_once_for_all_runs(store_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    datamodule(store_root)
    mined: list[str] = []
    monkeypatch.setattr(RandomCrops, "prepare", lambda miner, workers: mined.append("again"))
    second = datamodule(store_root, seed=1, batch_size=5)
    assert mined == []
    there = {path.parent for path in store_root.glob("*/manifest.json")}
    assert there == {dataset.store.folder for dataset in second.datasets.values()}
    assert len(there) == 2


def test_setup_says_what_is_there(store_root: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        datamodule(store_root)
    lines = [line for line in caplog.messages if " patches: " in line]
    assert [line.split(" ")[0] for line in lines] == ["train", "val"]


def test_every_run_says_that_pictures_are_missing_from_its_patches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        break_the_first_picture(patched, "train")
        datamodule(tmp_path)
    for _ in range(2):  # the first once more, when the picture can be read again
        (missing,) = [line for line in caplog.messages if "could not be read" in line]
        folder = next(path for path in tmp_path.glob("train-*") if path.is_dir())
        assert missing == (
            f"1 pictures could not be read when these were mined; once they can, remove {folder} to mine them too"
        )
        caplog.clear()
        datamodule(tmp_path)


def test_description() -> None:
    iou = np.repeat([0.7, 0.5, 0.35, 0.1], [1, 2, 3, 1500]).astype(np.float32)
    patches = Patches(np.zeros(0, np.uint8), iou, np.zeros(0, np.float32), np.zeros(0, np.int32), np.zeros(0, np.uint8))
    manifest = {"origins": {"random": 1500, "jitter": 6, "cascade": 0}}
    dataset = PatchDataset(PatchStore(Path("stores/train-12px-abc"), manifest, patches), LabelThresholds())
    assert describe(dataset) == (
        "1,506 (1 positive, 2 part, 1,500 negative, 3 none; 1,500 random, 6 jitter) in train-12px-abc"
    )


def test_validation_patches_without_a_label(store_root: Path) -> None:
    nothing = LabelThresholds(positive=1.0, part=1.0, negative=0.0)
    with pytest.raises(PatchError, match=r"^no validation patch has a label: "):
        datamodule(store_root, thresholds=nothing)
