from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable
from typing import Any

import albumentations as A
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from torch.utils.data import DataLoader, Dataset

from mtcnn_lit.data.augment import Augment
from mtcnn_lit.errors import UserError
from mtcnn_lit.images import Image

Offsets = npt.NDArray[np.float32]

OFFSETS: Offsets = np.array(
    [[0.1, -0.2, 0.05, 0.3], [-0.4, 0.0, 0.0, -0.25], [0.0, 0.0, 0.0, 0.0], [0.9, 0.8, 0.7, 0.9]], np.float32
)


def seed(number: int = 0) -> np.random.SeedSequence:
    return np.random.SeedSequence([number])


def noise(count: int, size: int = 12) -> Image:
    return np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def grey(count: int) -> Image:
    return np.full((count, 12, 12, 3), 100, np.uint8)


def test_a_mirror_turns_pixels_and_boxes_left_for_right() -> None:
    pixels, offsets = Augment([], mirror=1)(noise(4), OFFSETS, seed())
    assert np.array_equal(pixels, noise(4)[:, :, ::-1])
    expected = [[-0.05, -0.2, -0.1, 0.3], [0.0, 0.0, 0.4, -0.25], [0, 0, 0, 0], [-0.7, 0.8, -0.9, 0.9]]
    np.testing.assert_allclose(offsets, expected, atol=1e-7)
    assert (pixels.dtype, offsets.dtype) == (np.uint8, np.float32)


@pytest.mark.parametrize(("mirror", "least", "most"), [(0.5, 350, 450), (0.1, 50, 110)])
def test_each_patch_is_mirrored_on_its_own(mirror: float, least: int, most: int) -> None:
    given, given_offsets = noise(1).repeat(800, axis=0), OFFSETS[:1].repeat(800, axis=0)
    pixels, offsets = Augment([], draws=1, mirror=mirror)(given, given_offsets, seed())
    mirrored = (pixels == noise(1)[:, :, ::-1]).all(axis=(1, 2, 3))
    assert least < mirrored.sum() < most
    assert np.array_equal(pixels[~mirrored], given[~mirrored])
    np.testing.assert_allclose(offsets[mirrored], [[-0.05, -0.2, -0.1, 0.3]] * mirrored.sum(), atol=1e-7)
    assert np.array_equal(offsets[~mirrored], given_offsets[~mirrored])


def test_a_horizontal_flip_mirrors_pixels_and_boxes() -> None:
    pixels, offsets = Augment([A.HorizontalFlip(p=1)], draws=1)(noise(4), OFFSETS, seed())
    assert np.array_equal(pixels, noise(4)[:, :, ::-1])
    expected = [[-0.05, -0.2, -0.1, 0.3], [0.0, 0.0, 0.4, -0.25], [0, 0, 0, 0], [-0.7, 0.8, -0.9, 0.9]]
    np.testing.assert_allclose(offsets, expected, atol=1e-6)
    assert (pixels.dtype, offsets.dtype) == (np.uint8, np.float32)


def test_a_vertical_flip_mirrors_pixels_and_boxes() -> None:
    pixels, offsets = Augment([A.VerticalFlip(p=1)], draws=1)(noise(4), OFFSETS, seed())
    assert np.array_equal(pixels, noise(4)[:, ::-1])
    expected = [[0.1, -0.3, 0.05, 0.2], [-0.4, 0.25, 0.0, 0.0], [0, 0, 0, 0], [0.9, -0.9, 0.7, -0.8]]
    np.testing.assert_allclose(offsets, expected, atol=1e-6)


@pytest.mark.parametrize("size", [12, 24, 48])
@pytest.mark.parametrize(
    "transform",
    [
        A.HorizontalFlip(p=1),
        A.VerticalFlip(p=1),
        A.Transpose(p=1),
        A.D4(p=1),
        A.RandomRotate90(p=1),
        A.Rotate((90, 90), p=1),
    ],
)
def test_boxes_stay_on_faces(transform: A.DualTransform, size: int) -> None:
    """A face of half by a quarter of the patch, painted bright."""
    x1, y1, x2, y2 = size // 12, size // 4, size // 12 + size // 2, size // 2
    patch = np.zeros((1, size, size, 3), np.uint8)
    patch[0, y1:y2, x1:x2] = 200
    offsets = np.array([[x1, y1, x2 - size, y2 - size]], np.float32) / size
    pixels, moved = Augment([transform])(patch, offsets, seed())
    sides = moved[0] * size + np.array([0, 0, size, size])
    box = np.round(sides).astype(int)
    np.testing.assert_allclose(sides, box, atol=1e-4)
    assert box.tolist() != [x1, y1, x2, y2]
    expected = np.zeros((size, size), bool)
    expected[box[1] : box[3], box[0] : box[2]] = True
    assert np.array_equal(pixels[0, :, :, 0] > 100, expected)


@pytest.mark.parametrize("angle", [10, 20, 45, -30])
def test_the_box_of_a_turned_face_is_that_of_the_turned_ellipse(angle: float) -> None:
    """A face of 24 by 36 px in the middle of 96 px, painted as an ellipse."""
    y, x = np.mgrid[:96, :96] + 0.5
    patch = np.where(((x - 48) / 12) ** 2 + ((y - 48) / 18) ** 2 <= 1, 200, 0).astype(np.uint8)
    patch = np.repeat(patch[None, :, :, None], 3, axis=3)
    offsets = np.array([[36, 30, -36, -30]], np.float32) / 96
    pixels, turned = Augment([A.Rotate((angle, angle), p=1)])(patch, offsets, seed())
    rows, columns = np.nonzero(pixels[0, :, :, 0] > 100)
    painted = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(turned[0] * 96 + [0, 0, 96, 96], painted, atol=1)


@pytest.mark.parametrize(
    "transform",
    [
        A.Rotate((20, 20), border_mode=cv2.BORDER_REFLECT_101, p=1),
        A.GridDistortion(p=1),
        A.ElasticTransform(p=1),
        A.OpticalDistortion(p=1),
        A.ThinPlateSpline(p=1),
    ],
)
def test_transforms_that_lose_or_double_faces_are_refused(transform: A.DualTransform) -> None:
    with pytest.raises(UserError) as refused:
        Augment([A.HorizontalFlip(p=1), transform], draws=1)(noise(4), OFFSETS, seed())
    assert str(refused.value) == (
        f"augment.transforms: outlines of faces are lost or doubled in HorizontalFlip, {type(transform).__name__}; "
        "set border_mode: 0 or keypoint_remapping_method: direct"
    )


def test_a_distortion_that_maps_keypoints_directly_is_taken() -> None:
    transform = A.GridDistortion(p=1, keypoint_remapping_method="direct")
    pixels, offsets = Augment([transform])(noise(4), OFFSETS, seed())
    assert (pixels.shape, offsets.shape) == ((4, 12, 12, 3), (4, 4))


@pytest.mark.parametrize(
    "nested",
    [
        A.OneOf([A.HorizontalFlip(p=1)], p=1),
        A.Sequential([A.HorizontalFlip(p=1)], p=1),
        A.Compose([A.OneOf([A.HorizontalFlip(p=1)], p=1)]),
    ],
)
def test_boxes_go_along_with_a_flip_among_alternatives(nested: A.BaseCompose) -> None:
    pixels, offsets = Augment([A.ToGray(p=0), nested], draws=1)(noise(4), OFFSETS, seed())
    assert np.array_equal(pixels, noise(4)[:, :, ::-1])
    np.testing.assert_allclose(offsets, OFFSETS[:, [2, 1, 0, 3]] * [-1, 1, -1, 1], atol=1e-6)


def test_boxes_go_along_with_a_flip_beside_a_change_of_the_pixels_alone() -> None:
    """Both take patches in the same way, one by one."""
    pixels, offsets = Augment([A.Sharpen(p=0), A.HorizontalFlip(p=1), A.Sharpen(p=0)], draws=1)(
        noise(4), OFFSETS, seed()
    )
    assert np.array_equal(pixels, noise(4)[:, :, ::-1])
    np.testing.assert_allclose(offsets, OFFSETS[:, [2, 1, 0, 3]] * [-1, 1, -1, 1], atol=1e-6)


def test_changes_of_the_pixels_alone_leave_the_offsets_bit_for_bit() -> None:
    changes = [A.RandomBrightnessContrast(p=1), A.GaussNoise(p=1), A.GaussianBlur(p=1), A.ImageCompression(p=1)]
    pixels, offsets = Augment(changes, draws=1)(noise(4), OFFSETS, seed())
    assert offsets.tobytes() == OFFSETS.tobytes()
    assert not np.array_equal(pixels, noise(4))
    assert (pixels.shape, pixels.dtype) == ((4, 12, 12, 3), np.uint8)


@pytest.mark.parametrize(
    ("change", "rounding"),
    [
        # OpenCV rounds hues in another way where it converts many pixels at once.
        (A.HueSaturationValue((20, 20), (30, 30), (10, 10), p=1), 1),
        (A.RandomBrightnessContrast((0.2, 0.2), (0.1, 0.1), p=1), 0),
        (A.ToGray(p=1), 0),
    ],
)
def test_a_patch_changes_in_colour_as_it_would_alone(change: A.ImageOnlyTransform, rounding: int) -> None:
    pixels, _ = Augment([change], draws=1)(noise(4), OFFSETS, seed())
    alone = np.stack([change(image=patch)["image"] for patch in noise(4)])
    assert np.abs(pixels.astype(int) - alone).max() <= rounding
    assert np.abs(pixels.astype(int) - noise(4)).max() > 10


@pytest.mark.parametrize("size", [12, 24, 48])
@pytest.mark.parametrize("kernel", [3, 5])
def test_a_patch_is_blurred_as_it_would_be_alone(size: int, kernel: int) -> None:
    blur = A.GaussianBlur(blur_limit=(kernel, kernel), sigma_limit=(0.7, 0.7), p=1)
    pixels, _ = Augment([blur], draws=1)(noise(4, size), OFFSETS, seed())
    assert np.array_equal(pixels, [blur(image=patch)["image"] for patch in noise(4, size)])
    assert not np.array_equal(pixels, noise(4, size))


@pytest.mark.parametrize("limit", [(0, 3), (0, 5)])
def test_a_blur_that_may_be_wider_than_its_limit_leaves_patches_apart(limit: tuple[int, int]) -> None:
    """Of 0, albumentations makes a kernel as wide as sigma asks for."""
    black_and_white = np.repeat(np.array([0, 255] * 4, np.uint8), 12 * 12 * 3).reshape(-1, 12, 12, 3)
    augment = Augment([A.GaussianBlur(blur_limit=limit, sigma_limit=(3, 5), p=1)], draws=1)
    for number in range(10):
        pixels, _ = augment(black_and_white, np.zeros((8, 4), np.float32), seed(number))
        assert np.ptp(pixels, axis=(1, 2, 3)).tolist() == [0] * 8


@pytest.mark.parametrize("change", [A.ToGray(method="pca", p=1), A.ImageCompression("webp", (40, 40), p=1)])
def test_a_change_that_depends_on_the_whole_picture_is_of_each_patch(change: A.ImageOnlyTransform) -> None:
    patches = noise(4, 24) // np.array([1, 2, 3, 4], np.uint8)[:, None, None, None]
    pixels, _ = Augment([change], draws=1)(patches, OFFSETS, seed())
    assert np.array_equal(pixels, [change(image=patch)["image"] for patch in patches])


@pytest.mark.parametrize("size", [12, 24, 31, 48])
def test_compression_leaves_no_trace_of_the_patches_beside(size: int) -> None:
    compress = [A.ImageCompression(quality_range=(40, 40), p=1)]
    patches = noise(3, size)
    others = np.stack([np.zeros_like(patches[0]), patches[1], np.full_like(patches[2], 255)])
    among, alike = (Augment(compress, draws=1)(group, OFFSETS[:3], seed())[0] for group in (patches, others))
    assert np.array_equal(among[1], alike[1])
    assert not np.array_equal(among[1], patches[1])


def test_compression_changes_a_patch_as_it_would_alone_but_for_its_border() -> None:
    """A gradient: blocks of eight that begin elsewhere change little of it, and not the mean."""
    ramp = np.broadcast_to(np.linspace(60, 180, 48)[:, None, None], (48, 48, 3)).astype(np.uint8)
    compress = A.ImageCompression(quality_range=(70, 70), p=1)
    pixels, _ = Augment([compress], draws=1)(np.stack([ramp] * 4), OFFSETS, seed())
    alone = compress(image=ramp)["image"]
    assert np.abs(pixels.astype(int) - alone).max() <= 12
    assert abs(pixels.mean() - alone.mean()) < 1


@pytest.mark.parametrize(("count", "size"), [(5000, 12), (1200, 48)])
def test_a_batch_too_tall_for_one_compressed_picture_is_several(count: int, size: int) -> None:
    pixels, _ = Augment([A.ImageCompression(p=1)], draws=1)(
        np.zeros((count, size, size, 3), np.uint8), np.zeros((count, 4), np.float32), seed()
    )
    assert pixels.shape == (count, size, size, 3)


def test_the_noise_of_each_patch_is_its_own() -> None:
    pixels, _ = Augment([A.GaussNoise(p=1)], draws=1)(grey(2), OFFSETS[:2], seed())
    assert not np.array_equal(pixels[0], pixels[1])


@pytest.mark.parametrize("factor", [1, 0.5, 0.25, 0.1])
def test_the_noise_of_a_patch_says_nothing_of_the_next_ones(factor: float) -> None:
    coarse = A.GaussNoise(std_range=(0.1, 0.1), noise_scale_factor=factor, p=1)
    pixels, _ = Augment([coarse], draws=1)(grey(400), np.zeros((400, 4), np.float32), seed())
    values = pixels[..., 0].astype(float)
    assert abs(np.corrcoef(values[:-1].ravel(), values[1:].ravel())[0, 1]) < 0.05
    ends, starts = values[:-1, -1].ravel(), values[1:, 0].ravel()
    assert abs(np.corrcoef(ends, starts)[0, 1]) < 0.1


def test_coarse_noise_is_as_coarse_along_both_sides() -> None:
    coarse = A.GaussNoise(std_range=(0.1, 0.1), noise_scale_factor=0.25, p=1)
    pixels, _ = Augment([coarse], draws=1)(grey(400), np.zeros((400, 4), np.float32), seed())
    values = pixels[..., 0].astype(float)
    down = np.corrcoef(values[:, :-1].ravel(), values[:, 1:].ravel())[0, 1]
    across = np.corrcoef(values[:, :, :-1].ravel(), values[:, :, 1:].ravel())[0, 1]
    assert down == pytest.approx(across, abs=0.05)
    assert down > 0.8


def test_a_flip_comes_before_the_change_of_colour_that_follows_it() -> None:
    changes = [A.HorizontalFlip(p=1), A.ToGray(p=1), A.VerticalFlip(p=1)]
    pixels, offsets = Augment(changes, draws=1)(noise(4), OFFSETS, seed())
    assert np.array_equal(pixels, [A.ToGray(p=1)(image=patch)["image"][::-1, ::-1] for patch in noise(4)])
    np.testing.assert_allclose(offsets, -OFFSETS[:, [2, 3, 0, 1]], atol=1e-6)


def test_the_patches_of_a_group_share_the_draw() -> None:
    augment = Augment([A.RandomBrightnessContrast(brightness_limit=0.4, contrast_limit=0, p=1)], draws=3)
    pixels, _ = augment(grey(8), np.zeros((8, 4), np.float32), seed())
    levels = [set(patch.ravel().tolist()) for patch in pixels]
    assert levels[0] == levels[1] == levels[2]
    assert levels[3] == levels[4] == levels[5]
    assert levels[6] == levels[7]
    assert len({min(level) for level in levels}) == 3
    assert all(len(level) == 1 for level in levels)


def test_flips_of_a_group_move_its_own_boxes() -> None:
    pixels, offsets = Augment([A.HorizontalFlip(p=0.5)], draws=40)(
        noise(1).repeat(40, axis=0), OFFSETS[:1].repeat(40, axis=0), seed()
    )
    flipped = (pixels == noise(1)[:, :, ::-1]).all(axis=(1, 2, 3))
    assert 8 < flipped.sum() < 32
    np.testing.assert_allclose(offsets[flipped], [[-0.05, -0.2, -0.1, 0.3]] * flipped.sum(), atol=1e-6)
    np.testing.assert_allclose(offsets[~flipped], OFFSETS[:1].repeat((~flipped).sum(), axis=0), atol=1e-6)


def is_bright(pixels: Image) -> bool:
    return bool(pixels.mean() > 150)


def is_grey(pixels: Image) -> bool:
    return bool((pixels == pixels[..., :1]).all())


def has_a_hole(pixels: Image) -> bool:
    return bool((pixels == 0).any())


HOLE = A.CoarseDropout(num_holes_range=(1, 1), hole_height_range=(3, 3), hole_width_range=(3, 3), fill=0, p=0.5)
BRIGHT = A.RandomBrightnessContrast(brightness_limit=(0.5, 0.5), contrast_limit=(0, 0), p=0.5)


@pytest.mark.parametrize(
    ("transforms", "signs"),
    [([BRIGHT, A.ToGray(p=0.5)], (is_bright, is_grey)), ([BRIGHT, HOLE], (is_bright, has_a_hole))],
    ids=["in one pass", "in two"],
)
def test_each_transform_is_drawn_on_its_own(
    transforms: list[A.BasicTransform], signs: tuple[Callable[[Image], bool], ...]
) -> None:
    """Of 400 groups some 100 get both, 100 neither, and 100 each of the two alone."""
    augment, given = Augment(transforms, draws=1), np.full((1, 12, 12, 3), (140, 90, 60), np.uint8)
    seen = Counter(tuple(sign(augment(given, OFFSETS[:1], seed(number))[0]) for sign in signs) for number in range(400))
    assert len(seen) == 4
    assert all(60 < count < 140 for count in seen.values()), seen


def test_the_seed_alone_decides() -> None:
    """Not what was done before, nor in which process."""
    transforms = [A.HorizontalFlip(p=0.5), A.GaussNoise(std_range=(0.1, 0.3), p=0.9)]
    augment = Augment(transforms, draws=4, mirror=0.5)
    first, first_offsets = augment(noise(4), OFFSETS, seed(1))
    other, _ = augment(noise(4), OFFSETS, seed(2))
    elsewhere = pickle.loads(pickle.dumps(augment))
    for again in (augment, elsewhere):
        pixels, offsets = again(noise(4), OFFSETS, seed(1))
        assert np.array_equal(pixels, first)
        assert np.array_equal(offsets, first_offsets)
    assert not np.array_equal(other, first)


def test_no_transforms_change_nothing() -> None:
    pixels, offsets = Augment([], draws=1)(noise(4), OFFSETS, seed())
    assert np.array_equal(pixels, noise(4))
    assert offsets.tobytes() == OFFSETS.tobytes()


@pytest.mark.parametrize("settings", [{"mirror": 2}, {"mirror": -0.5}, {"draws": 0}, {"draws": 2.5}])
def test_settings_without_sense(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(settings))} must be "):
        Augment([], **settings)


def test_what_was_given_stays_as_it_was() -> None:
    given, given_offsets = noise(4), OFFSETS.copy()
    Augment([A.HorizontalFlip(p=1), A.RandomBrightnessContrast(p=1)], mirror=1)(given, given_offsets, seed())
    assert np.array_equal(given, noise(4))
    assert np.array_equal(given_offsets, OFFSETS)


@pytest.mark.parametrize(
    "transform", [A.Resize(24, 24), A.RandomCrop(8, 8), A.RandomScale(p=1), A.RandomScale(p=0.5), A.ToGray(1, p=1)]
)
def test_transforms_have_to_keep_the_size(transform: A.BasicTransform) -> None:
    with pytest.raises(
        UserError, match=r"^augment\.transforms: patches of \(12, 12, 3\) become \(.*\); take transforms"
    ):
        Augment([transform])(noise(4), OFFSETS, seed())


@pytest.mark.parametrize(
    ("transform", "dtype"),
    [(A.Normalize(p=1), "float32"), (A.ToFloat(p=1), "float32"), (A.Normalize(p=0.5), "float32")],
)
def test_transforms_have_to_keep_the_type_of_pixels(transform: A.BasicTransform, dtype: str) -> None:
    with pytest.raises(UserError) as refused:
        Augment([A.HorizontalFlip(), transform])(noise(4), OFFSETS, seed())
    assert str(refused.value) == (
        f"augment.transforms: patches become {dtype}; "
        "leave out Normalize, ToFloat and the like: the network normalises itself"
    )


class Augmented(Dataset[Image]):
    """As `PatchDataset` is one, without a store."""

    def __len__(self) -> int:
        return 4

    def __getitem__(self, index: int) -> Image:
        return Augment([A.ToFloat(p=1)])(noise(4), OFFSETS, seed(index))[0]


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_loader_refuses_is_one_line(workers: int) -> None:
    """A worker's exception is made anew of a whole traceback."""
    with pytest.raises(UserError) as refused:
        next(iter(DataLoader(Augmented(), batch_size=None, num_workers=workers)))
    assert str(refused.value) == (
        "augment.transforms: patches become float32; "
        "leave out Normalize, ToFloat and the like: the network normalises itself"
    )
