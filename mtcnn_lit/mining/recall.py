"""Mining thresholds by recall: fixed ones give the next network too few positives or too many negatives."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from mtcnn_lit.boxes import iou
from mtcnn_lit.cascade import Cascade, Pyramid
from mtcnn_lit.images import Image
from mtcnn_lit.mining.map_images import map_images
from mtcnn_lit.nets import NET_TITLES
from mtcnn_lit.sources.base import Annotation, Source, SourceError

log = logging.getLogger(__name__)

Scores = npt.NDArray[np.float32]

# A face counts as found by a box of this IoU or more.
_FOUND_IOU = 0.5


@dataclass(frozen=True)
class RecallCurve:
    """Recall and number of candidates over the threshold of a cascade's last network.

    Attributes:
        name: of the network.
        best: for each face the best score of a candidate that finds it, highest first; 0 if none does.
        scores: of all candidates, highest first. For O-Net these are the detections, each with the highest threshold
            that it passes: see `Cascade.passing`.
        images: how many were measured.
        lowest: threshold at which the network ran; nothing is known below it.
    """

    name: str
    best: Scores
    scores: Scores
    images: int
    lowest: float

    def threshold(self, target: float) -> float:
        """The highest threshold at which a share ``target`` of the faces is still found, or the lowest measured."""
        faces = int(np.ceil(target * len(self.best) - 1e-9))  # .55 of 100 is a little more than 55
        return max(self.lowest, float(self.best[faces - 1]))

    def recall(self, threshold: float) -> float:
        """Share of the faces that are found at a threshold; one that no candidate finds is not, even at 0."""
        return float(((self.best >= threshold) & (self.best > 0)).mean())

    def candidates(self, threshold: float) -> float:
        """Candidates an image that pass a threshold."""
        return float((self.scores >= threshold).sum() / self.images)


@dataclass(frozen=True)
class _Look:
    """For one image: the best score of each face (as in `RecallCurve`), and the scores of all candidates."""

    cascade: Cascade
    mining: bool

    def __call__(self, image: Image, annotation: Annotation, index: int) -> tuple[Scores, Scores]:
        whole = self.cascade.onet is not None
        found = self.cascade.passing(image) if whole else self.cascade.candidates(Pyramid(image), mining=self.mining)
        faces = torch.from_numpy(annotation.faces)
        if len(found) == 0 or len(faces) == 0:
            return np.zeros(len(faces), dtype=np.float32), found.scores.numpy()
        hits = iou(faces, found.boxes) >= _FOUND_IOU
        return (hits * found.scores).amax(dim=1).numpy(), found.scores.numpy()


def recall_curve(
    cascade: Cascade,
    source: Source,
    *,
    lowest: float = 0.1,
    images: int = 200,
    workers: int = 0,
    mining: bool = False,
) -> RecallCurve:
    """Measure the cascade's last network behind the earlier ones at their own thresholds.

    Args:
        source: where to measure; ``images`` of it, evenly spread, are used.
        lowest: threshold that the last network runs at.
        mining: use the candidates of mining (see `Cascade.candidates`) instead of those of detection.

    Raises:
        SourceError: when these images hold no face.
    """
    last = len(cascade.nets) - 1
    name = list(NET_TITLES.values())[last]
    low = cascade.with_thresholds(*cascade.thresholds[:last], lowest)
    indices = source.spread(images)
    looks = list(map_images(source, _Look(low, mining), workers=workers, title=f"recall of {name}", indices=indices))
    best, scores = (np.sort(np.concatenate([np.zeros(0, np.float32), *(look[i] for look in looks)])) for i in (0, 1))
    if len(best) == 0:
        raise SourceError(f"no face in {len(indices)} images of the {source.split} split: nothing to measure recall on")
    return RecallCurve(name, best[::-1], scores[::-1], len(looks), lowest)


def threshold_for_recall(
    cascade: Cascade, source: Source, target: float, *, lowest: float = 0.1, images: int = 200, workers: int = 0
) -> float:
    """The threshold at which the cascade's last network keeps a recall of ``target`` in mining (see `recall_curve`)."""
    curve = recall_curve(cascade, source, lowest=lowest, images=images, workers=workers, mining=True)
    threshold = curve.threshold(target)
    recall = curve.recall(threshold)
    log.info(
        "%s threshold %.3f for mining: recall %.3f of %d faces (target %.3f%s)",
        curve.name,
        threshold,
        recall,
        len(curve.best),
        target,
        "" if recall >= target else ": out of reach, so the lowest is taken",
    )
    return threshold
