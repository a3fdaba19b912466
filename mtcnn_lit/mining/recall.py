"""Mining thresholds by recall: constants starve the next network of positives or drown it in negatives."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from mtcnn_lit.boxes import iou
from mtcnn_lit.cascade import Cascade
from mtcnn_lit.images import Image
from mtcnn_lit.mining.map_images import map_images
from mtcnn_lit.pyramid import Pyramid
from mtcnn_lit.sources.base import Annotation, Source, SourceError

log = logging.getLogger(__name__)

# A face counts as found by a box of this IoU or more.
_FOUND_IOU = 0.5


@dataclass(frozen=True)
class _BestScores:
    """For each face of an image, the best score of a detection that finds it; 0 where none does."""

    cascade: Cascade

    def __call__(self, image: Image, annotation: Annotation, index: int) -> npt.NDArray[np.float32]:
        found = self.cascade.candidates(Pyramid(image))
        faces = torch.from_numpy(annotation.faces)
        if len(found) == 0 or len(faces) == 0:
            return np.zeros(len(faces), dtype=np.float32)
        hits = iou(faces, found.boxes) >= _FOUND_IOU
        return (hits * found.scores).amax(dim=1).numpy()


def threshold_for_recall(
    cascade: Cascade, source: Source, target: float, *, lowest: float = 0.1, images: int = 200, workers: int = 0
) -> float:
    """The highest threshold of the cascade's last network at which a share ``target`` of the faces is still found.

    Args:
        cascade: its earlier networks run at their own thresholds.
        source: where to measure; ``images`` of it, evenly spread, are used.
        target: recall to keep, in (0, 1].
        lowest: threshold when the target is out of reach.
    """
    last = len(cascade.nets) - 1
    name = ("P-Net", "R-Net", "O-Net")[last]
    low = cascade.with_thresholds(*cascade.thresholds[:last], lowest)
    indices = source.spread(images)
    scores = map_images(source, _BestScores(low), workers=workers, title=f"recall of {name}", indices=indices)
    best = np.sort(np.concatenate([*scores, np.zeros(0, np.float32)]))[::-1]
    if len(best) == 0:
        raise SourceError(f"no face in {len(indices)} images of the {source.split} split: nothing to measure recall on")
    threshold = max(lowest, float(best[int(np.ceil(target * len(best))) - 1]))
    recall = float((best >= threshold).mean())
    log.info(
        "%s threshold %.3f for mining: recall %.3f of %d faces (target %.3f)",
        name,
        threshold,
        recall,
        len(best),
        target,
    )
    return threshold
