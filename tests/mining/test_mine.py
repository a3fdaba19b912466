from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mtcnn_lit.images import Image, write_image
from mtcnn_lit.mining.mine import mine
from mtcnn_lit.mining.random_crops import RandomCrops
from mtcnn_lit.mining.store import Patches
from mtcnn_lit.sources import SourceError
from mtcnn_lit.sources.base import Annotation, FileSource, as_boxes
from tests.mining.pictures import Box, noise

MINER = RandomCrops(random_per_image=4, jittered_per_face=3, overlapping_per_face=2)
FACES: list[list[Box]] = [[(10, 10, 50, 50)], [], [(0, 0, 30, 30), (40, 20, 80, 60)]]


def folder_of(images: Path, faces: Sequence[list[Box]] = FACES) -> FileSource:
    annotations = [Annotation(f"{n}.png", as_boxes(boxes), as_boxes([])) for n, boxes in enumerate(faces)]
    return FileSource("train", images, annotations, skipped=0)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for number in range(3):
        write_image(tmp_path / "images" / f"{number}.png", noise(80, 90 + number))
    return tmp_path / "images"


@pytest.fixture
def minings(monkeypatch: pytest.MonkeyPatch) -> list[RandomCrops]:
    """The miners that had to mine."""
    miners: list[RandomCrops] = []
    monkeypatch.setattr(RandomCrops, "prepare", lambda miner, workers: miners.append(miner))
    return miners


def columns(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_manifest_and_columns(images: Path, tmp_path: Path) -> None:
    source = folder_of(images)
    store = mine(source, MINER, tmp_path / "stores", workers=0)
    assert store.folder.parent == tmp_path / "stores"
    assert store.folder.name.startswith("train-12px-")
    assert store.manifest == {
        "format": 1,
        "source": source.fingerprint(),
        "mining": MINER.identity(),
        "images": 3,
        "origins": {"random": 3 * 4 + 3 * 2, "jitter": 3 * 3, "cascade": 0},
        "size": 12,
        "patches": 27,
    }
    assert store.patches.image.tolist() == [0] * 9 + [1] * 4 + [2] * 14


def test_nothing_changed_nothing_mined(images: Path, tmp_path: Path, minings: list[RandomCrops]) -> None:
    first = mine(folder_of(images), MINER, tmp_path / "stores", workers=0)
    again = mine(folder_of(images), replace(MINER), tmp_path / "stores", workers=0)
    assert len(minings) == 1
    assert again.folder == first.folder


def test_mined_again_when_a_picture_a_box_or_a_setting_changed(
    images: Path, tmp_path: Path, minings: list[RandomCrops]
) -> None:
    stores = [
        mine(folder_of(images), MINER, tmp_path / "stores", workers=0),
        mine(folder_of(images), replace(MINER, seed=1), tmp_path / "stores", workers=0),
        mine(folder_of(images), replace(MINER, size=24), tmp_path / "stores", workers=0),
        mine(folder_of(images, [*FACES[:2], [(0, 0, 30, 31)]]), MINER, tmp_path / "stores", workers=0),
    ]
    write_image(images / "1.png", noise(80, 91)[::-1])
    os.utime(images / "1.png", (1, 1))  # two writes can fall into one tick of the clock
    stores.append(mine(folder_of(images), MINER, tmp_path / "stores", workers=0))
    assert len({store.folder for store in stores}) == len(minings) == 5
    assert [store.patches.pixels.shape[1] for store in stores] == [12, 12, 24, 12, 12]


def test_any_number_of_workers_gives_the_same_bytes(images: Path, tmp_path: Path) -> None:
    alone = mine(folder_of(images), MINER, tmp_path / "alone", workers=0)
    together = mine(folder_of(images), MINER, tmp_path / "together", workers=2)
    assert together.folder.name == alone.folder.name
    assert columns(together.folder) == columns(alone.folder)
    assert len(columns(alone.folder)) == 6


def interrupt_at(monkeypatch: pytest.MonkeyPatch, last: int) -> list[int]:
    """The pictures that are mined from now on; where it comes to the last one the first time, it is interrupted."""
    mined: list[int] = []
    patches_of = RandomCrops.__call__

    def stopped(miner: RandomCrops, image: Image, annotation: Annotation, index: int) -> Patches:
        mined.append(index)
        if index == last and mined.count(last) == 1:
            raise KeyboardInterrupt
        return patches_of(miner, image, annotation, index)

    monkeypatch.setattr(RandomCrops, "__call__", stopped)
    return mined


def test_interrupted_it_goes_on_to_the_same_bytes(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    source = folder_of(images)
    whole = mine(source, MINER, tmp_path / "whole", workers=0)
    mined = interrupt_at(monkeypatch, last=2)
    with pytest.raises(KeyboardInterrupt):
        mine(source, MINER, tmp_path / "broken", workers=0)
    caplog.set_level(logging.INFO)
    broken = mine(source, MINER, tmp_path / "broken", workers=0)
    assert mined == [0, 1, 2, 1, 2]
    assert "going on with picture 2 of 3: 9 patches are there" in caplog.messages
    assert columns(broken.folder) == columns(whole.folder)


def test_interrupted_it_counts_pictures_without_a_patch_too(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each training on them would warn that they could not be read."""
    (images / "0.png").write_bytes(b"no picture")
    write_image(images / "3.png", noise(80, 93))
    source, miner = folder_of(images, [FACES[0], [], FACES[0], FACES[2]]), replace(MINER, random_per_image=0)
    whole = mine(source, miner, tmp_path / "whole", workers=0)
    interrupt_at(monkeypatch, last=3)
    with pytest.raises(KeyboardInterrupt):
        mine(source, miner, tmp_path / "broken", workers=0)
    broken = mine(source, miner, tmp_path / "broken", workers=0)
    assert (set(broken.patches.image.tolist()), broken.manifest["images"]) == ({2, 3}, 3)
    assert columns(broken.folder) == columns(whole.folder)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_picture_that_can_not_be_read_is_left_out_by_name(
    images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, workers: int
) -> None:
    (images / "1.png").write_bytes(b"no picture")
    store = mine(folder_of(images), MINER, tmp_path / "stores", workers)
    (warning,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warning == f"left out: can't read {images / '1.png'}: not a picture, or a broken one"
    assert store.manifest["images"] == 2
    assert store.patches.image.tolist() == [0] * 9 + [2] * 14


@pytest.mark.parametrize("workers", [0, 1])
def test_faces_outside_their_picture_are_left_out_by_its_name(
    images: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, workers: int
) -> None:
    """Crops around them would be black."""
    outside: list[Box] = [(500, 500, 560, 560), (91, 0, 120, 30), (0, -30, 30, 0)]
    at_the_right: Box = (82, 10, 92, 50)  # in a picture that is wider than high
    mined = mine(folder_of(images, [[at_the_right], outside, FACES[2]]), MINER, tmp_path / "stores", workers)
    (warning,) = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warning == "left out: 3 faces outside the picture 1.png"
    assert mined.patches.image.tolist() == [0] * 9 + [1] * 4 + [2] * 14
    assert (mined.patches.iou[mined.patches.image == 1] == 0).all()


def test_not_one_picture_can_be_read(images: Path, tmp_path: Path) -> None:
    for path in images.iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(SourceError, match="no image of the train split can be read: check the source's files"):
        mine(folder_of(images), MINER, tmp_path / "stores", workers=0)
    assert not list((tmp_path / "stores").glob("*/manifest.json"))


def test_the_manifest_is_readable_by_people(images: Path, tmp_path: Path) -> None:
    store = mine(folder_of(images), MINER, tmp_path / "stores", workers=0)
    text = (store.folder / "manifest.json").read_text()
    assert json.loads(text) == store.manifest
    assert text.count("\n") > 10
