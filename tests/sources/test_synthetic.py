from __future__ import annotations

import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.images import Image
from mtcnn_lit.metrics import AveragePrecision
from mtcnn_lit.nets import ONet, PNet, RNet
from mtcnn_lit.sources import SourceError, Synthetic
from mtcnn_lit.sources.base import Split
from mtcnn_lit.sources.synthetic_heads import Look, draw_head
from mtcnn_lit.sources.synthetic_shapes import Oval

COUNTS = {"train": 6, "val": 3, "test": 2}
SIZE = (240, 320)


def synthetic(split: Split = "train", **options: Any) -> Synthetic:
    return Synthetic(split, **{"num_images": COUNTS, "image_size": SIZE, "face_height": (24, 90), **options})


def digest(source: Synthetic) -> str:
    pixels = b"".join(source.read(index).tobytes() for index in range(len(source)))
    return hashlib.sha256(pixels).hexdigest() + source.fingerprint()


def test_pictures_are_of_the_size_and_number_asked_for() -> None:
    assert [len(synthetic(split)) for split in ("train", "val", "test")] == [6, 3, 2]
    image = synthetic().read(0)
    assert (image.shape, image.dtype) == ((240, 320, 3), np.uint8)


@pytest.mark.parametrize("size", [(16, 16), (24, 31)])
def test_pictures_may_be_tiny(size: tuple[int, int]) -> None:
    tiny = synthetic(num_images={"train": 20}, image_size=size, face_height=(8, 12))
    assert {tiny.read(index).shape for index in range(20)} == {(*size, 3)}


def test_boxes_are_within_the_picture_and_the_sizes_asked_for() -> None:
    source = synthetic(num_images={"train": 200}, faces_per_image=(1, 4))
    faces = np.concatenate([annotation.faces for annotation in source.annotations])
    assert faces.dtype == np.float32
    assert (faces >= 0).all()
    assert (faces[:, 2:] <= [320, 240]).all()
    height = faces[:, 3] - faces[:, 1]
    assert height.max() <= 90.001
    whole = (faces[:, :2] > 0).all(axis=1) & (faces[:, 2:] < [320, 240]).all(axis=1)
    assert height[whole].min() >= 23.999
    assert 0.85 < whole.mean() < 1  # some touch the border
    assert max(len(annotation.faces) + len(annotation.ignored) for annotation in source.annotations) == 4


def test_some_pictures_have_no_face_and_faces_that_are_mostly_hidden_are_ignored() -> None:
    source = synthetic(num_images={"train": 300}, faces_per_image=(0, 6))
    assert any(len(annotation.faces) == 0 for annotation in source.annotations)
    ignored = np.concatenate([annotation.ignored for annotation in source.annotations])
    assert 0 < len(ignored) < 0.05 * sum(len(annotation.faces) for annotation in source.annotations)


@pytest.mark.parametrize("tilt", [-12.0, 0.0, 7.5])
def test_the_box_of_an_oval_is_tight(tilt: float) -> None:
    oval = Oval.of_height(60, aspect=0.8, tilt=tilt).moved(50, 70)
    x1, y1, x2, y2 = oval.box
    assert y2 - y1 == pytest.approx(60)
    assert ((x1 + x2) / 2, (y1 + y2) / 2) == pytest.approx((50, 70))
    image = np.zeros((140, 100, 3), np.uint8)
    oval.ellipse(image, (0, 0), (0.8, 1), (255, 255, 255))
    assert extent(image) == pytest.approx(oval.box, abs=0.75)


def extent(image: Image) -> tuple[int, int, int, int]:
    """The box of what is brighter than half on black."""
    ys, xs = np.nonzero(image.max(axis=2) > 127)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def test_a_head_reaches_from_the_top_to_the_bottom_of_its_box_and_only_ears_beyond_its_sides() -> None:
    oval = Oval.of_height(80, aspect=0.8, tilt=0).moved(60.2, 70.6)
    look = replace(Look.random(Random(0)), skin=(250, 240, 230), style="bald", beard=False)
    image = np.zeros((140, 120, 3), np.uint8)
    draw_head(image, oval, look)
    x1, y1, x2, y2 = extent(image)
    assert (y1, y2) == pytest.approx((oval.box[1], oval.box[3]), abs=0.75)
    assert oval.box[0] - 7 < x1 < oval.box[0] < oval.box[2] < x2 < oval.box[2] + 7


def test_the_same_in_another_process_and_order() -> None:
    script = f"""
import hashlib
from mtcnn_lit.sources import Synthetic
source = Synthetic("train", num_images={COUNTS}, image_size={SIZE}, face_height=(24, 90))
images = {{index: source.read(index).tobytes() for index in reversed(range(len(source)))}}
pixels = b"".join(images[index] for index in range(len(source)))
print(hashlib.sha256(pixels).hexdigest() + source.fingerprint())
"""
    other = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == digest(synthetic())


def test_worker_processes_get_the_same_source() -> None:
    source = synthetic()
    assert digest(pickle.loads(pickle.dumps(source))) == digest(source)


def test_splits_seeds_and_indices_give_different_pictures() -> None:
    sources = [synthetic("train"), synthetic("val"), synthetic("test"), synthetic(seed=1)]
    pictures = {source.read(index).tobytes() for source in sources for index in range(len(source))}
    assert len(pictures) == 6 + 3 + 2 + 6
    assert len({source.fingerprint() for source in sources}) == 4


def test_more_pictures_leave_the_first_ones_as_they_are() -> None:
    more = synthetic(num_images={"train": 9})
    assert more.read(5).tobytes() == synthetic().read(5).tobytes()
    assert more.fingerprint() != synthetic().fingerprint()


def test_summary() -> None:
    source = synthetic(faces_per_image=(1, 1), num_images={"train": 4})
    assert source.summary() == "Synthetic train: 4 images, 4 faces, 0 ignored, 0 skipped"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_images": {"val": 3}}, r"no pictures in split 'train'; set source\.num_images\.train"),
        ({"num_images": 40}, r"^source\.num_images is a number for each split, not 40: set source\.num_images\.train$"),
        ({"num_images": {"train": 0}}, "no pictures in split 'train'"),
        ({"image_size": [480]}, r"source\.image_size must be height and width in whole pixels, not \[480\]"),
        ({"image_size": 480}, r"source\.image_size must be height and width in whole pixels, not 480"),
        ({"image_size": [100.5, 120]}, r"source\.image_size must be .* not \[100\.5, 120\]"),
        ({"image_size": [-480, 640]}, r"source\.image_size must be .* not \[-480, 640\]"),
        ({"faces_per_image": (3, 1)}, r"source\.faces_per_image must be least and most, not \(3, 1\)"),
        ({"faces_per_image": [3]}, r"source\.faces_per_image must be least and most, not \[3\]"),
        ({"faces_per_image": [0, 2.5]}, r"source\.faces_per_image must be least and most, not \[0, 2\.5\]"),
        ({"face_height": [24, 241]}, r"source\.face_height must be .* to the 240 pixels .* not \[24, 241\]"),
        ({"face_height": (90, 24)}, r"source\.face_height must be least and most"),
        ({"face_height": [24]}, r"source\.face_height must be least and most .* not \[24\]"),
    ],
)
def test_what_can_not_be_drawn_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SourceError, match=message):
        synthetic(**options)


def test_an_untrained_cascade_finds_next_to_nothing() -> None:
    torch.manual_seed(0)
    source = Synthetic("test", num_images={"train": 1, "val": 1, "test": 4})
    cascade = Cascade(PNet().eval(), RNet().eval(), ONet().eval(), thresholds=(0.5, 0.5, 0.3), min_face_size=80)
    metric = AveragePrecision()
    for index, annotation in enumerate(source.annotations):
        found = cascade.detect([source.read(index)])
        metric.update(found, [torch.from_numpy(annotation.faces)], [torch.from_numpy(annotation.ignored)])
    assert metric.compute() < 0.05
