"""Procedural pictures of drawn faces: annotated data without a download, for a first run and for tests."""

from __future__ import annotations

import hashlib
import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np

from mtcnn_lit.images import Image
from mtcnn_lit.sources import synthetic_heads, synthetic_scene, synthetic_shapes
from mtcnn_lit.sources.base import Annotation, Source, SourceError, Split, as_boxes
from mtcnn_lit.sources.synthetic_shapes import Oval

_ASPECT = (0.7, 0.9)  # width of a face over its height
_TILT = 12.0  # degrees, either way
_CUT = 0.12  # share of the faces that may reach over the border
_MAX_OVERLAP = 0.3  # of the smaller of two faces
_MIN_VISIBLE = 0.5  # a face that shows less is ignored
_TRIES = 20  # attempts to place a face before it is left out

# Part of the fingerprint: patches are mined again when the drawing code changes.
_MODULES = (synthetic_shapes, synthetic_heads, synthetic_scene)
_DRAWING = hashlib.sha256("".join(map(inspect.getsource, _MODULES)).encode()).hexdigest()


@dataclass(frozen=True)
class _Layout:
    """Where the faces of one picture are, from back to front, and which of them are ignored."""

    faces: tuple[Oval, ...]
    ignored: tuple[bool, ...]


class Synthetic(Source):
    """Drawn faces among distractors (featureless, scrambled and upside-down heads, clocks, balls, hands) and clutter.

    Picture ``i`` of a split depends on ``seed``, the split and ``i`` alone, and is drawn anew each time it is read. A
    box is the tight box of the oval from forehead to chin, cut at the border of the picture. Faces that show less
    than half are ignored.

    Args:
        split: a key of ``num_images``.
        num_images: how many pictures each split has.
        image_size: height and width in pixels.
        faces_per_image: the least and the most; a crowded picture may get fewer.
        face_height: the least and the most in pixels, before a face is cut at the border.
        seed: another seed gives other pictures.

    Raises:
        SourceError: when the split has no pictures, or a range is empty or larger than the picture.
    """

    _face_settings = "source.faces_per_image and source.num_images"

    def __init__(
        self,
        split: Split,
        *,
        num_images: Mapping[Split, int],
        image_size: Sequence[int] = (480, 640),
        faces_per_image: Sequence[int] = (0, 6),
        face_height: Sequence[float] = (24, 160),
        seed: int = 0,
    ) -> None:
        if not isinstance(num_images, Mapping):
            raise SourceError(
                f"source.num_images is a number for each split, not {num_images}: set source.num_images.{split}"
            )
        if num_images.get(split, 0) < 1:
            raise SourceError(f"synthetic: no pictures in split '{split}'; set source.num_images.{split}")
        if not _is_pair(image_size, int) or min(image_size) < 1:
            raise SourceError(f"source.image_size must be height and width in whole pixels, not {image_size}")
        if not _is_pair(faces_per_image, int) or not 0 <= faces_per_image[0] <= faces_per_image[1]:
            raise SourceError(f"source.faces_per_image must be least and most, not {faces_per_image}")
        if not _is_pair(face_height, int, float) or not 8 <= face_height[0] <= face_height[1] <= min(image_size):
            raise SourceError(
                f"source.face_height must be least and most from 8 to the {min(image_size)} pixels of the picture's "
                f"shorter side, not {face_height}"
            )
        self.image_size = (image_size[0], image_size[1])
        self.faces_per_image = (faces_per_image[0], faces_per_image[1])
        self.face_height = (float(face_height[0]), float(face_height[1]))
        self.seed = seed
        super().__init__(split)
        self._layouts = [self._lay_out(index) for index in range(num_images[split])]
        self.annotations = [self._annotate(index) for index in range(num_images[split])]

    def read(self, index: int) -> Image:
        """Draw picture ``index``: uint8 RGB (H, W, 3)."""
        layout = self._layouts[index]
        return synthetic_scene.render(layout.faces, self.image_size, self.face_height, self._random(index, "drawing"))

    def _identity(self, annotation: Annotation) -> str:
        return f"{self.seed} {self.split} {self.image_size} {self.face_height} {_DRAWING}"

    def _random(self, index: int, purpose: str) -> Random:
        # A string seed is hashed by SHA-512: the same in each process and on each machine.
        return Random(f"{self.seed} {self.split} {index} {purpose}")

    def _lay_out(self, index: int) -> _Layout:
        rng = self._random(index, "layout")
        faces: list[Oval] = []
        for _ in range(rng.randint(*self.faces_per_image)):
            for _ in range(_TRIES):
                face = _random_face(rng, self.image_size, self.face_height)
                if all(_overlap(face, other) <= _MAX_OVERLAP for other in faces):
                    faces.append(face)
                    break
        visible = [_visible_share(face, faces[place + 1 :], self.image_size) for place, face in enumerate(faces)]
        return _Layout(tuple(faces), tuple(share < _MIN_VISIBLE for share in visible))

    def _annotate(self, index: int) -> Annotation:
        layout = self._layouts[index]
        height, width = self.image_size
        boxes = as_boxes([face.box for face in layout.faces])
        boxes = np.clip(boxes, 0, np.array([width, height, width, height], dtype=np.float32))
        return Annotation.from_boxes(str(index), boxes, min_height=0, ignored=np.array(layout.ignored, dtype=np.bool_))


def _is_pair(values: object, *kinds: type) -> bool:
    return isinstance(values, list | tuple) and len(values) == 2 and all(isinstance(each, kinds) for each in values)


def _random_face(rng: Random, image_size: tuple[int, int], face_height: tuple[float, float]) -> Oval:
    """A face of a size that is uniform in its logarithm, within the picture or, for a few, reaching over its border."""
    height = math.exp(rng.uniform(math.log(face_height[0]), math.log(face_height[1])))
    shape = Oval.of_height(height, aspect=rng.uniform(*_ASPECT), tilt=rng.uniform(-_TILT, _TILT))
    x1, y1, x2, y2 = shape.box
    inside = -0.2 if rng.random() < _CUT else 1.0  # the share of its half size that the centre keeps from the border
    margin_x, margin_y = inside * (x2 - x1) / 2, inside * (y2 - y1) / 2
    x = rng.uniform(margin_x, image_size[1] - margin_x)
    y = rng.uniform(margin_y, image_size[0] - margin_y)
    return shape.moved(x, y)


def _intersection(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0.0) * max(height, 0.0)


def _area(box: tuple[float, ...]) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(a: Oval, b: Oval) -> float:
    """Intersection over the smaller face."""
    return _intersection(a.box, b.box) / min(_area(a.box), _area(b.box))


def _visible_share(face: Oval, in_front: Sequence[Oval], image_size: tuple[int, int]) -> float:
    """The share of a face's box that is within the picture and not behind the faces drawn after it."""
    picture = (0.0, 0.0, float(image_size[1]), float(image_size[0]))
    hidden = sum(_intersection(face.box, other.box) for other in in_front)
    return (_intersection(face.box, picture) - hidden) / _area(face.box)
