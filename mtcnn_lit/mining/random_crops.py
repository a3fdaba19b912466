"""P-Net's training crops: random and overlapping negatives, and faces with jitter (paper, section 3.1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from mtcnn_lit.boxes import widen
from mtcnn_lit.cascade import Pyramid
from mtcnn_lit.errors import check_counts
from mtcnn_lit.images import Image
from mtcnn_lit.mining.label import label_crops
from mtcnn_lit.mining.store import Origin, Patches
from mtcnn_lit.sources.base import Annotation, BoxArray

Rng = np.random.Generator


@dataclass(frozen=True)
class RandomCrops:
    """Crops an image at random places, and around its faces.

    Attributes:
        size: side of the patches, px.
        random_per_image: crops anywhere in the image, nearly all of them negatives.
        jittered_per_face: crops around each face, positives and parts mostly.
        overlapping_per_face: crops near each face, most of them over a part of it, negatives mostly.
        most_faces: most faces used of one image, drawn at random, so that crowds do not dominate.
        min_size: smallest crop, px.
        squared_faces: as `label_crops` says.
        seed: of the random generator, together with the image's index.
    """

    size: int = 12
    random_per_image: int = 50
    jittered_per_face: int = 20
    overlapping_per_face: int = 5
    most_faces: int = 100
    min_size: float = 12
    squared_faces: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_counts(1, size=self.size)
        check_counts(
            random_per_image=self.random_per_image,
            jittered_per_face=self.jittered_per_face,
            overlapping_per_face=self.overlapping_per_face,
            most_faces=self.most_faces,
            seed=self.seed,
        )
        check_min_size(self.min_size)

    def identity(self) -> dict[str, Any]:
        """What the crops depend on, besides the source."""
        return {"miner": type(self).__name__, **asdict(self)}

    def prepare(self, workers: int) -> None:
        """Nothing to measure."""

    def __call__(self, image: Image, annotation: Annotation, index: int) -> Patches:
        """Patches of one image."""
        rng = np.random.default_rng([self.seed, index])
        height, width = image.shape[:2]
        faces = choose_faces(annotation.faces, self.most_faces, rng)
        crops = np.concatenate(
            [
                random_squares(self.random_per_image, height, width, self.min_size, rng),
                overlapping_squares(faces, self.overlapping_per_face, self.min_size, rng),
                jittered_squares(faces, self.jittered_per_face, rng),
            ]
        )
        origin = np.full(len(crops), Origin.RANDOM, dtype=np.uint8)
        origin[len(crops) - len(faces) * self.jittered_per_face :] = Origin.JITTER
        return cut(Pyramid(image), crops, origin, self.size, annotation, index, self.squared_faces)


def check_min_size(min_size: float) -> None:
    """Raises ValueError for a size that no crop can have."""
    if not min_size > 0:
        raise ValueError(f"min_size must be above 0, not {min_size}")


def cut(
    pyramid: Pyramid,
    crops: BoxArray,
    origin: npt.NDArray[np.uint8],
    size: int,
    annotation: Annotation,
    index: int,
    squared_faces: bool = True,
    context: float = 1.0,
) -> Patches:
    """Label crops (N, 4), drop those that an ignored box covers, and sample what the others show, with their margin."""
    labels = label_crops(crops, annotation, squared_faces, context)
    regions = widen(torch.from_numpy(crops[labels.kept]), context).numpy()
    image = np.full(len(labels.kept), index, dtype=np.int32)
    return Patches(pyramid.crops(regions, size), labels.iou, labels.offsets, image, origin[labels.kept])


def choose_faces(faces: BoxArray, most: int, rng: Rng) -> BoxArray:
    """At most ``most`` of the faces (N, 4), drawn at random."""
    return faces if len(faces) <= most else faces[rng.choice(len(faces), most, replace=False)]


def random_squares(count: int, height: int, width: int, smallest: float, rng: Rng) -> BoxArray:
    """Squares inside an image, as many of each octave of sizes from ``smallest`` to the shorter side."""
    side = min(height, width)
    sizes = np.exp(rng.uniform(np.log(min(smallest, side)), np.log(side), count))
    return _squares(rng.uniform(0, 1, count) * (width - sizes), rng.uniform(0, 1, count) * (height - sizes), sizes)


def jittered_squares(faces: BoxArray, per_face: int, rng: Rng) -> BoxArray:
    """Squares from 0.8 of a face's shorter to 1.25 of its longer side, their centres shifted by up to a fifth of it."""
    size, centre = _repeat(faces, per_face)
    sides = rng.uniform(0.8 * size.min(axis=1), 1.25 * size.max(axis=1))
    x, y = (centre + rng.uniform(-0.2, 0.2, centre.shape) * size).T
    return _squares(x - sides / 2, y - sides / 2, sides)


def overlapping_squares(faces: BoxArray, per_face: int, smallest: float, rng: Rng) -> BoxArray:
    """Squares of half to twice a face's longer side, whose centres lie up to one side from the face's."""
    size, centre = _repeat(faces, per_face)
    longer = size.max(axis=1)
    sides = np.maximum(smallest, longer * np.exp(rng.uniform(np.log(0.5), np.log(2), len(longer))))
    x, y = (centre + rng.uniform(-1, 1, centre.shape) * longer[:, None]).T
    return _squares(x - sides / 2, y - sides / 2, sides)


def _repeat(faces: BoxArray, times: int) -> tuple[BoxArray, BoxArray]:
    """Sizes and centres of the faces, each as often as crops are made of it. Shape: (N, 4) -> twice (N * times, 2)."""
    repeated = np.repeat(faces, times, axis=0)
    centre = (repeated[:, :2] + repeated[:, 2:]) * np.float32(0.5)
    return repeated[:, 2:] - repeated[:, :2], centre


def _squares(x: npt.NDArray[Any], y: npt.NDArray[Any], sides: npt.NDArray[Any]) -> BoxArray:
    return np.stack([x, y, x + sides, y + sides], axis=1).astype(np.float32)
