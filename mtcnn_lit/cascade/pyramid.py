"""The image pyramid: samples every input of the networks, in training and in detection.

The picture is halved repeatedly (area averaging, a third more pixels than the picture). A level for
P-Net or a crop for any network is then sampled bilinearly from the smallest halved picture that is still at least as
fine as what is asked for, so that no step shrinks by more than two: free of aliasing, and the cost follows the pixels
asked for. P-Net's window in a level and a mined crop of the same region get the same pixels, up to rounding.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from mtcnn_lit.images import Image

# cv2.remap addresses its source and its target with 16 bits.
_REMAP_LIMIT = 2**15 - 2


class Pyramid:
    """A picture and its repeatedly halved copies, the octaves.

    Args:
        image: uint8 RGB (H, W, 3).
    """

    def __init__(self, image: Image) -> None:
        self.height, self.width = image.shape[:2]
        # OpenCV would copy a non-contiguous view, such as reversed channels, for each level and batch of crops.
        self._octaves = [np.ascontiguousarray(image)]
        while max(self._octaves[-1].shape[:2]) > 1:
            self._octaves.append(_halve(self._octaves[-1]))
        # Only panoramas of more than 32,766 px lose their finest octave as a source of crops.
        self._finest_for_crops = sum(max(octave.shape) > _REMAP_LIMIT for octave in self._octaves)

    def level(self, scale: float) -> Image:
        """The picture at ``scale`` (1 is its own size): uint8 RGB of round(H * scale) by round(W * scale), or 1 px.

        An octave may end beyond the picture, so it is resized as a whole and cut afterwards. `true_scale` is the scale
        after rounding.
        """
        octave, (width, height), _ = self._level_of(scale)
        resized = cv2.resize(octave, (width, height), interpolation=cv2.INTER_LINEAR)
        cut = resized[: max(1, round(self.height * scale)), : max(1, round(self.width * scale))]
        return np.ascontiguousarray(cut, dtype=np.uint8)

    def true_scale(self, scale: float) -> tuple[float, float]:
        """Pixels of ``level(scale)`` for one pixel of the picture, along x and y: a level's sides are whole pixels."""
        _, (width, height), (covered_x, covered_y) = self._level_of(scale)
        return width / covered_x, height / covered_y

    def _level_of(self, scale: float) -> tuple[Image, tuple[int, int], tuple[int, int]]:
        """The octave that a level is made from, the size that it is resized to, and the pixels that it covers."""
        number = int(self._finest_octave(np.asarray(1 / scale)))
        height, width = self._octaves[number].shape[:2]
        covered = (width * 2**number, height * 2**number)
        return self._octaves[number], (max(1, round(covered[0] * scale)), max(1, round(covered[1] * scale))), covered

    def crops(self, boxes: npt.NDArray[np.float32], size: int) -> Image:
        """Regions of the picture, each resized to ``size`` by ``size``; black where they leave the picture.

        Shape: (N, 4) boxes in pixels of the picture -> (N, size, size, 3) uint8 RGB
        """
        shrink = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]) / size
        octaves = np.maximum(self._finest_octave(shrink), self._finest_for_crops)
        order = np.argsort(octaves, kind="stable")  # crops of one octave are sampled together
        sampled = self._sample(boxes[order], octaves[order], size)
        crops = np.empty_like(sampled)
        crops[order] = sampled
        return crops

    def _finest_octave(self, shrink: npt.NDArray[np.floating]) -> npt.NDArray[np.intp]:
        """The octave to sample from when one output pixel stands for ``shrink`` pixels of the picture."""
        octave = np.floor(np.log2(np.maximum(shrink, 1)))
        return np.asarray(np.minimum(octave, len(self._octaves) - 1), dtype=np.intp)

    def _sample(self, boxes: npt.NDArray[np.float32], octaves: npt.NDArray[np.intp], size: int) -> Image:
        """Sample regions from their octaves, which are sorted. Shape: (N, 4), (N,) -> (N, size, size, 3)."""
        ratio = np.exp2(-octaves.astype(np.float32))[:, None]
        left, top, right, bottom = (boxes * ratio).T[:, :, None]
        centres = (np.arange(size, dtype=np.float32) + 0.5) / size
        # Pixel i covers [i, i + 1), so its centre, which remap calls i, lies at i + 0.5.
        x, y = left + (right - left) * centres - 0.5, top + (bottom - top) * centres - 0.5
        sampled = np.empty((len(boxes), size, size, 3), dtype=np.uint8)
        end = 0
        for octave, count in enumerate(np.bincount(octaves).tolist()):
            start, end = end, end + count
            for first in range(start, end, _REMAP_LIMIT // size):
                part = slice(first, min(first + _REMAP_LIMIT // size, end))
                _remap(self._octaves[octave], x[part], y[part], sampled[part])
        outside_x = (x < -0.5) | (x > self.width * ratio - 0.5)
        outside_y = (y < -0.5) | (y > self.height * ratio - 0.5)
        for number in np.flatnonzero((outside_x | outside_y).any(axis=1)).tolist():
            sampled[number, :, outside_x[number]] = 0
            sampled[number, outside_y[number]] = 0
        return sampled


def _remap(picture: Image, x: npt.NDArray[np.float32], y: npt.NDArray[np.float32], target: Image) -> None:
    """Fill (N, size, size, 3) with the pixels at columns x and rows y (N, size each), by one call of OpenCV.

    The border pixels are repeated outwards.
    """
    count, size = x.shape
    map_x, map_y = np.empty((2, count, size, size), dtype=np.float32)
    map_x[:], map_y[:] = x[:, None, :], y[:, :, None]
    shape = (size, count * size)  # as a flat list of pixels: cv2.remap is slow in short rows
    cv2.remap(
        picture,
        map_x.reshape(shape),
        map_y.reshape(shape),
        cv2.INTER_LINEAR,
        dst=target.reshape(*shape, 3),
        borderMode=cv2.BORDER_REPLICATE,
    )


def _halve(picture: Image) -> Image:
    """Each pixel the mean of two by two; an odd side is longer by its last pixel, repeated.

    So each octave's pixels align with those of the one before, and OpenCV has a fast path for it.
    """
    height, width = picture.shape[:2]
    odd = height % 2 or width % 2
    even = cv2.copyMakeBorder(picture, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE) if odd else picture
    half = cv2.resize(even, (even.shape[1] // 2, even.shape[0] // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(half, dtype=np.uint8)


def pyramid_scales(height: int, width: int, window: int, min_face_size: float, scale_factor: float) -> Iterator[float]:
    """Scales of the levels on which a ``window`` px network runs, finest first.

    The first one makes a face of ``min_face_size`` px as large as the window, each next one is smaller by
    ``scale_factor``, down to the last at which the window still fits in.
    """
    scale = window / min_face_size
    while round(min(height, width) * scale) >= window:  # as `Pyramid.level` rounds
        yield scale
        scale *= scale_factor
