"""Mining against the plain work: on which images, and against what."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtcnn_lit.benchmark.mining import mining_bar
from mtcnn_lit.benchmark.plain_work import DetectOnly, Part
from mtcnn_lit.mining.cascade_crops import CascadeCrops
from mtcnn_lit.mining.map_images import read_only
from mtcnn_lit.mining.mine import mine
from mtcnn_lit.mining.random_crops import RandomCrops
from mtcnn_lit.sources import Synthetic
from tests.bright_squares import bright_cascade, picture

SOURCE = Synthetic("train", num_images={"train": 3}, image_size=(60, 80), face_height=(20, 40), faces_per_image=(1, 1))


def random_crops() -> RandomCrops:
    return RandomCrops(size=12, random_per_image=4, jittered_per_face=1, overlapping_per_face=1, most_faces=9)


def test_a_part_has_its_images_as_often_as_asked_for() -> None:
    part = Part(SOURCE, [2, 0, 2])
    assert [annotation.name for annotation in part.annotations] == ["2", "0", "2"]
    for index, original in enumerate([2, 0, 2]):
        np.testing.assert_array_equal(part.read(index), SOURCE.read(original))


def test_a_part_is_mined_like_a_source(tmp_path: Path) -> None:
    """Image 1 of the part is image 0 of the source; all of its crops count for it."""
    store = mine(Part(SOURCE, [2, 0]), random_crops(), tmp_path, workers=0)
    assert store.manifest["images"] == 2
    assert set(store.patches.image) == {0, 1}


def test_proposals_are_mined_against_reading() -> None:
    bar = mining_bar("pnet", SOURCE, random_crops(), workers=0, warmup=0, repeats=1)
    assert (bar.name, bar.limit) == ("pnet mining against reading in 3 images", 1.5)
    assert bar.ratio == bar.seconds / bar.plain_seconds


def test_the_later_networks_are_mined_against_detecting_at_the_thresholds_of_mining() -> None:
    miner = CascadeCrops(bright_cascade().first(1), SOURCE, size=24, recall=(0.9,), recall_images=1)
    bar = mining_bar("rnet", SOURCE, miner, workers=0, warmup=0, repeats=1)
    assert (bar.name, bar.limit) == ("rnet mining against detecting in 3 images", 1.3)
    assert miner.cascade.thresholds[0] != bright_cascade().thresholds[0]


def test_the_plain_work_gives_nothing_back() -> None:
    image, annotation = picture(60, 60, (20, 20, 40, 40)), SOURCE.annotations[0]
    assert read_only(image, annotation, 0) is None
    assert DetectOnly(bright_cascade())(image, annotation, 0) is None
