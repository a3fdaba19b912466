"""Training crops of R-Net and O-Net: detections of the networks before them (paper, section 3.1)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mtcnn_lit.boxes import square
from mtcnn_lit.cascade import Cascade, Pyramid
from mtcnn_lit.errors import check_counts
from mtcnn_lit.images import Image
from mtcnn_lit.mining.label import label_crops
from mtcnn_lit.mining.random_crops import check_min_size, choose_faces, cut, jittered_squares, random_squares
from mtcnn_lit.mining.recall import threshold_for_recall
from mtcnn_lit.mining.store import Origin, Patches
from mtcnn_lit.nets import weights_digest
from mtcnn_lit.sources.base import Annotation, BoxArray, Source

Rng = np.random.Generator


@dataclass
class CascadeCrops:
    """Crops an image where the cascade so far detects, and around its faces.

    Attributes:
        cascade: the networks before the one in training; for P-Net, an earlier P-Net, whose false positives are hard
            negatives.
        recall_source: images on which the mining thresholds of these networks are measured.
        size: side of the patches, px.
        context: side of the region that a patch shows, relative to the crop's (see `mtcnn_lit.nets.RNet`).
        recall: share of the faces that each of these networks must still find at its mining threshold.
        recall_images: how many of `recall_source` are measured.
        lowest_threshold: mining threshold if that recall can't be reached.
        most_negatives: most false detections kept of one image, drawn at random.
        negative_iou: IoU with every face below which a detection counts for that cap.
        random_per_image: crops anywhere in the image.
        jittered_per_face: crops around each face, so that there are always positives.
        most_faces: faces jittered of one image, drawn at random.
        min_size: smallest random crop, px.
        squared_faces: as `mtcnn_lit.mining.label.label_crops` says.
        seed: of the random generator, together with the image's index.
    """

    cascade: Cascade
    recall_source: Source
    size: int
    recall: tuple[float, ...]
    recall_images: int = 200
    lowest_threshold: float = 0.1
    most_negatives: int = 60
    negative_iou: float = 0.3
    random_per_image: int = 10
    jittered_per_face: int = 10
    most_faces: int = 50
    min_size: float = 12
    squared_faces: bool = True
    context: float = 1.0
    seed: int = 0
    _prepared: bool = False

    def __post_init__(self) -> None:
        if len(self.recall) != len(self.cascade.nets):
            raise ValueError(
                f"mining with {len(self.cascade.nets)} networks takes that many recalls, not {list(self.recall)}"
            )
        if not all(0 < share <= 1 for share in self.recall):
            raise ValueError(f"recall must hold shares above 0, and 1 at most, not {list(self.recall)}")
        for name in ("lowest_threshold", "negative_iou"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {getattr(self, name)}")
        check_counts(1, size=self.size, recall_images=self.recall_images)
        check_counts(
            most_negatives=self.most_negatives,
            random_per_image=self.random_per_image,
            jittered_per_face=self.jittered_per_face,
            most_faces=self.most_faces,
            seed=self.seed,
        )
        check_min_size(self.min_size)

    def identity(self) -> dict[str, Any]:
        """What the crops depend on, besides the source; thresholds follow from the recall and are left out."""
        own = {f.name: getattr(self, f.name) for f in fields(self)[2:-1]}
        return {
            "miner": type(self).__name__,
            **own,
            "recall_source": self.recall_source.fingerprint(),
            "upstream": [weights_digest(net) for net in self.cascade.nets],
            "min_face_size": self.cascade.min_face_size,
            "scale_factor": self.cascade.scale_factor,
        }

    def prepare(self, workers: int) -> None:
        """Measure the threshold of each network in turn, with the earlier ones at theirs; only once."""
        if self._prepared:
            return
        thresholds: list[float] = []
        for last, target in enumerate(self.recall, start=1):
            so_far = self.cascade.first(last).with_thresholds(*thresholds)
            threshold = threshold_for_recall(
                so_far,
                self.recall_source,
                target,
                lowest=self.lowest_threshold,
                images=self.recall_images,
                workers=workers,
            )
            thresholds.append(threshold)
        self.cascade = self.cascade.with_thresholds(*thresholds)
        self._prepared = True

    def __call__(self, image: Image, annotation: Annotation, index: int) -> Patches:
        """Patches of one image."""
        rng = np.random.default_rng([self.seed, index])
        height, width = image.shape[:2]
        faces = choose_faces(annotation.faces, self.most_faces, rng)
        pyramid = Pyramid(image)
        candidates = square(self.cascade.candidates(pyramid, mining=True).boxes)
        parts = {
            Origin.CASCADE: self._cap_negatives(candidates.numpy(), annotation, rng),
            Origin.RANDOM: random_squares(self.random_per_image, height, width, self.min_size, rng),
            Origin.JITTER: jittered_squares(faces, self.jittered_per_face, rng),
        }
        origin = np.repeat(np.array(list(parts), dtype=np.uint8), [len(crops) for crops in parts.values()])
        crops = np.concatenate(list(parts.values()))
        return cut(pyramid, crops, origin, self.size, annotation, index, self.squared_faces, self.context)

    def _cap_negatives(self, crops: BoxArray, annotation: Annotation, rng: Rng) -> BoxArray:
        labels = label_crops(crops, annotation, self.squared_faces)
        negatives = labels.kept[labels.iou < self.negative_iou]
        others = labels.kept[labels.iou >= self.negative_iou]
        if len(negatives) > self.most_negatives:
            negatives = rng.choice(negatives, self.most_negatives, replace=False)
        return crops.take(np.sort(np.concatenate([others, negatives])), axis=0)
