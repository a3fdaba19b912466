"""What is mined of fixed pictures, by the code of today.

A store is reused as long as its format and settings are the same. When mining makes other crops of the same settings,
these tests fail: raise `mtcnn_lit.mining.store.FORMAT`, so that nobody trains on patches of the code before, and put
the new figures here.
"""

from __future__ import annotations

import numpy as np
import pytest

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.mining.cascade_crops import CascadeCrops
from mtcnn_lit.mining.random_crops import RandomCrops
from mtcnn_lit.mining.store import FORMAT, Patches
from tests.bright_squares import BrightPNet, BrightRNet, picture
from tests.mining.pictures import Pictures, annotate

FACES = [(10, 10, 34, 40), (60, 20, 100, 60), (120, 60, 190, 130)]
IMAGE = picture(150, 200, *FACES, (30, 90, 60, 120))
ANNOTATION = annotate(*FACES, ignored=[(0, 140, 20, 150)])


def figures(patches: Patches) -> list[float]:
    """Crops, and the means of their IoU, of their offsets' magnitude and of their pixels."""
    means = [patches.iou.mean(), np.abs(patches.offsets).mean(), patches.pixels.mean()]
    return [FORMAT, len(patches.iou), *map(float, means)]


def test_random_crops() -> None:
    found = figures(RandomCrops()(IMAGE, ANNOTATION, 0))
    assert found == pytest.approx([1, 125, 0.39457, 0.32118, 140.160], rel=1e-3)


def test_cascade_crops() -> None:
    cascade = Cascade(BrightPNet().eval(), BrightRNet().eval(), min_face_size=12)
    miner = CascadeCrops(
        cascade,
        Pictures((IMAGE, ANNOTATION)),
        size=48,
        recall=(0.97, 0.9),
        context=1.3,
        random_per_image=0,
        jittered_per_face=0,
    )
    found = figures(miner(IMAGE, ANNOTATION, 0))
    assert found == pytest.approx([1, 12, 0.21233, 0.13523, 73.908], rel=1e-3)
