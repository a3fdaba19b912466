from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from mtcnn_lit.boxes import decode, square, widen
from mtcnn_lit.cascade import Cascade, Pyramid
from mtcnn_lit.mining import cascade_crops
from mtcnn_lit.mining.cascade_crops import CascadeCrops
from mtcnn_lit.mining.label import LabelThresholds
from mtcnn_lit.mining.store import Origin, Patches
from mtcnn_lit.nets import PNet
from tests.bright_squares import BrightPNet, BrightRNet, picture
from tests.mining.pictures import Pictures, annotate

SQUARES = [(10, 10, 34, 34), (60, 20, 100, 60), (120, 60, 190, 130), (30, 90, 60, 120)]
IMAGE = picture(150, 200, *SQUARES)
SOURCE = Pictures((IMAGE, annotate(*SQUARES)))


def miner(cascade: Cascade | None = None, **settings: Any) -> CascadeCrops:
    settings = {"size": 24, "recall": (0.97,), "random_per_image": 0, "jittered_per_face": 0, **settings}
    return CascadeCrops(cascade or Cascade(BrightPNet().eval()), SOURCE, **settings)


def detected(patches: Patches) -> int:
    return int((patches.origin == Origin.CASCADE).sum())


def test_random_crops_lie_in_the_picture_and_are_not_below_the_smallest() -> None:
    """A face that fills the picture: the offsets say where each crop is."""
    miner_of_random = miner(random_per_image=200, most_negatives=0, min_size=60)
    whole = annotate((0, 0, 200, 150))
    patches = miner_of_random(picture(150, 200), whole, 0)
    assert patches.origin.tolist() == [Origin.RANDOM] * 200
    sides = 200 / (1 + patches.offsets[:, 2] - patches.offsets[:, 0])
    left, top = -patches.offsets[:, 0] * sides, -patches.offsets[:, 1] * sides
    assert 60 - 1e-2 <= sides.min() < 62
    assert min(left.min(), top.min()) >= -1e-2
    assert (left + sides).max() <= 200 + 1e-2
    assert (top + sides).max() <= 150 + 1e-2


def test_negatives_are_capped_in_each_picture_by_itself() -> None:
    nothing = annotate()
    assert detected(miner()(IMAGE, nothing, 0)) > 10
    capped = miner(most_negatives=5)
    assert [detected(capped(IMAGE, nothing, index)) for index in range(3)] == [5, 5, 5]
    assert detected(capped(IMAGE, annotate(ignored=[SQUARES[2]]), 0)) == 5  # what is dropped takes no place


def test_a_patch_shows_the_crop_and_a_margin() -> None:
    cascade = Cascade(BrightPNet().eval())
    plain, wide = (
        miner(cascade, most_negatives=1000, context=context)(IMAGE, annotate(*SQUARES), 0) for context in (1.0, 1.5)
    )
    crops = square(cascade.candidates(Pyramid(IMAGE)).boxes)
    regions = widen(crops, 1.5)
    assert np.array_equal(wide.pixels, Pyramid(IMAGE).crops(regions.numpy(), 24))
    assert np.array_equal(wide.iou, plain.iou)
    near = torch.from_numpy(plain.iou > 0)
    faces, same = (decode(seen, torch.from_numpy(of.offsets))[near] for seen, of in ((crops, plain), (regions, wide)))
    assert len(faces) > 4
    torch.testing.assert_close(faces, same, atol=1e-3, rtol=0)


def test_which_negatives_are_kept_depends_on_the_index_and_the_seed_alone() -> None:
    capped = miner(most_negatives=5)
    first, other, again = (capped(IMAGE, annotate(), index) for index in (0, 1, 0))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    for different in (other, miner(most_negatives=5, seed=1)(IMAGE, annotate(), 0)):
        assert not np.array_equal(first.pixels, different.pixels)


@pytest.mark.parametrize("limit", [0.3, 0.5])
def test_what_is_found_of_a_face_is_not_capped(limit: float) -> None:
    whole = miner(most_negatives=1000, negative_iou=limit)(IMAGE, annotate(*SQUARES), 0)
    assert np.array_equal(whole.iou, miner(most_negatives=1000)(IMAGE, annotate(*SQUARES), 0).iou)
    capped = miner(most_negatives=1, negative_iou=limit)(IMAGE, annotate(*SQUARES), 0)
    near = whole.iou >= limit
    assert near.sum() >= 4
    assert (~near).sum() > 1
    assert sorted(capped.iou[capped.iou >= limit]) == sorted(whole.iou[near])
    assert (capped.iou < limit).sum() == 1


def test_what_is_found_of_a_narrow_face_is_not_capped_unless_it_is_no_match() -> None:
    narrow = annotate(*[((x1 + x2) / 2 - 3, y1, (x1 + x2) / 2 + 3, y2) for x1, y1, x2, y2 in SQUARES])
    assert detected(miner(most_negatives=0)(IMAGE, narrow, 0)) >= 4
    assert detected(miner(most_negatives=0, squared_faces=False)(IMAGE, narrow, 0)) == 0


def test_what_is_found_on_an_ignored_box_is_dropped() -> None:
    uncapped = miner(most_negatives=1000)
    assert detected(uncapped(IMAGE, annotate(ignored=[(0, 0, 200, 150)]), 0)) == 0
    without_one = detected(uncapped(IMAGE, annotate(ignored=[SQUARES[0]]), 0))
    assert 0 < without_one < detected(uncapped(IMAGE, annotate(), 0))


class WidePNet(BrightPNet):
    """Its boxes are wider than high."""

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits, offsets = super().forward(images)
        return logits, offsets + torch.tensor([-0.2, 0.1, 0.2, -0.1])[None, :, None, None]


def test_patches_are_square_crops_around_what_is_found() -> None:
    patches = miner(Cascade(WidePNet()))(picture(150, 200, SQUARES[1]), annotate(SQUARES[1]), 9)
    assert set(patches.image) == {9}
    whole = (patches.offsets[:, :2] > 0.05).all(axis=1) & (patches.offsets[:, 2:] < -0.05).all(axis=1)
    assert whole.sum() > 3
    for pixels, (x1, y1, x2, y2) in zip(patches.pixels[whole], patches.offsets[whole], strict=True):
        assert 1 + x2 - x1 == pytest.approx(1 + y2 - y1, abs=1e-5)  # the face is a square: so is the crop
        bright_y, bright_x = np.nonzero(pixels[..., 0] > 130)
        assert (bright_x.min(), bright_x.max() + 1) == pytest.approx((24 * x1, 24 + 24 * x2), abs=0.7)
        assert (bright_y.min(), bright_y.max() + 1) == pytest.approx((24 * y1, 24 + 24 * y2), abs=0.7)


def test_positives_never_starve() -> None:
    """The cascade finds nothing in a dark picture; the faces that are annotated there give crops all the same."""
    faces = annotate((20, 20, 60, 60), (100, 50, 150, 100))
    patches = miner(jittered_per_face=10, random_per_image=4)(picture(150, 200), faces, 0)
    assert patches.origin.tolist() == [Origin.RANDOM] * 4 + [Origin.JITTER] * 20
    positive, part, _ = LabelThresholds().masks(patches.iou)
    assert positive[4:].any()
    assert (positive | part)[4:].all()


def test_narrow_faces_are_matched_by_the_squares_around_them_unless_told_otherwise() -> None:
    narrow = annotate((100, 20, 114, 80))  # squares of 29 px have the best IoU, .318
    squared, plain = (
        miner(jittered_per_face=100, squared_faces=squared)(picture(150, 200), narrow, 0) for squared in (True, False)
    )
    assert squared.iou.max() > 0.65
    assert 0.3 < plain.iou.max() < 0.32


def test_a_crowd_does_not_drown_the_rest() -> None:
    patches = miner(jittered_per_face=10, most_faces=2)(picture(150, 200), annotate(*SQUARES), 0)
    assert len(patches.iou) == 20


def test_identity_follows_from_all_that_the_crops_depend_on() -> None:
    torch.manual_seed(0)
    one, other = PNet(), PNet()
    cascade = Cascade(one)
    base = miner(cascade)
    different = [
        base,
        miner(Cascade(other)),
        miner(replace(cascade, min_face_size=30)),
        miner(replace(cascade, scale_factor=0.5)),
        replace(base, recall_source=Pictures((IMAGE, annotate()))),
        *[replace(base, **{name: 1}) for name in ("size", "most_negatives", "random_per_image", "most_faces")],
        *[replace(base, **{name: 1}) for name in ("jittered_per_face", "min_size", "seed")],
        replace(base, recall=(0.9,)),
        replace(base, lowest_threshold=0.2),
        replace(base, negative_iou=0.2),
        replace(base, recall_images=1),
        replace(base, squared_faces=False),
        replace(base, context=1.5),
    ]
    assert len({json.dumps(each.identity(), sort_keys=True) for each in different}) == len(different)
    other.load_state_dict(one.state_dict())
    assert miner(Cascade(other)).identity() == base.identity()


def test_thresholds_are_measured_once_and_are_not_part_of_the_identity() -> None:
    crops = miner(recall=(1.0,))
    before = crops.identity()
    assert crops.cascade.thresholds == (0.6, 0.7, 0.7)
    crops.prepare(workers=0)
    measured = crops.cascade.thresholds
    assert 0.1 <= measured[0] < 1
    assert measured[0] != 0.6
    assert measured[1:] == (0.7, 0.7)
    assert crops.identity() == before
    crops.recall_source = Pictures((IMAGE, annotate()))  # measuring here would fail: no faces
    crops.prepare(workers=0)
    assert crops.cascade.thresholds == measured


def test_each_network_is_measured_behind_the_earlier_ones_at_their_measured_thresholds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[int, tuple[float, ...], float, float]] = []

    def measure(
        cascade: Cascade, source: Pictures, target: float, *, lowest: float, images: int, workers: int
    ) -> float:
        assert (source, images, workers) == (SOURCE, 7, 3)
        calls.append((len(cascade.nets), cascade.thresholds, target, lowest))
        return [0.25, 0.5][len(calls) - 1]

    monkeypatch.setattr(cascade_crops, "threshold_for_recall", measure)
    crops = miner(
        Cascade(BrightPNet(), BrightRNet()), size=48, recall=(0.97, 0.9), recall_images=7, lowest_threshold=0.2
    )
    crops.prepare(workers=3)
    assert calls == [(1, (0.6, 0.7, 0.7), 0.97, 0.2), (2, (0.25, 0.7, 0.7), 0.9, 0.2)]
    assert crops.cascade.thresholds == (0.25, 0.5, 0.7)


@pytest.mark.parametrize("recall", [(), (0.97, 0.95)])
def test_each_network_needs_its_recall(recall: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"mining with 1 networks takes that many recalls, not \["):
        miner(recall=recall)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("recall", (95,), r"recall must hold shares above 0, and 1 at most, not \[95\]"),
        ("recall", (0,), r"recall must hold shares above 0, and 1 at most, not \[0\]"),
        ("recall_images", 0, "recall_images must be a whole number, 1 or more, not 0"),
        ("lowest_threshold", 1.5, "lowest_threshold must be from 0 to 1, not 1.5"),
        ("negative_iou", -0.1, "negative_iou must be from 0 to 1, not -0.1"),
        ("most_negatives", -1, "most_negatives must be a whole number, 0 or more, not -1"),
        ("min_size", 0, "min_size must be above 0, not 0"),
    ],
)
def test_settings_without_sense_are_refused_before_mining(name: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        miner(**{name: value})
