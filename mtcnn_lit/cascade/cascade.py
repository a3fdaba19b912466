"""The cascade: image pyramid -> P-Net -> R-Net -> O-Net (Zhang et al. 2016, section 2.1).

Independent of training and configuration. Without O-Net, or without R-Net too, it ends with the last network given: so
the training crops of the next network are mined.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from mtcnn_lit.cascade.batches import batches
from mtcnn_lit.cascade.crops import run_on_crops
from mtcnn_lit.cascade.proposals import run_on_levels
from mtcnn_lit.cascade.pyramid import Pyramid
from mtcnn_lit.cascade.second_look import look_again
from mtcnn_lit.cascade.size_prior import size_prior
from mtcnn_lit.cascade.steps import Step
from mtcnn_lit.cascade.windows import moved_windows, suppress, windows_above
from mtcnn_lit.detections import Candidates, Detections
from mtcnn_lit.images import Image
from mtcnn_lit.nets import Net, ONet, PNet, RNet
from mtcnn_lit.parallel import one_thread

# IoU above which the worse of two boxes is suppressed, as in the paper's code but for two. After R-Net that code has
# 0.7, which shows O-Net each face two or three times and finds no more. At the end it suppresses a box of which more
# than 0.7 lies inside a better one, and with it faces in front of or behind larger ones. Before O-Net's second look the
# threshold is looser, as the look may still separate close faces.
_NMS_IN_LEVEL = 0.5
_NMS_ACROSS_LEVELS = 0.7
_NMS_AFTER_RNET = 0.5
_NMS_AFTER_RNET_IN_MINING = 0.7  # O-Net learns from more of R-Net's boxes of a face
_NMS_BEFORE_SECOND_LOOK = 0.6
_NMS_AT_THE_END = 0.5

# Lowest P-Net score reported by `Step.judged`; nearly all windows lie below and are not needed.
_LOWEST_JUDGED = 0.01


@dataclass(frozen=True)
class Cascade:
    """Detects faces with one, two or all three networks.

    Attributes:
        pnet, rnet, onet: networks in eval mode, all on one device; the cascade ends before the first None.
        min_face_size: smallest face looked for, px.
        scale_factor: from one pyramid level to the next, in (0, .99].
        thresholds: lowest score that passes P-Net, R-Net and O-Net.

    Raises:
        ValueError: when a setting is out of its range.
    """

    pnet: PNet
    rnet: RNet | None = None
    onet: ONet | None = None
    min_face_size: float = 20
    scale_factor: float = 0.709
    thresholds: tuple[float, float, float] = (0.6, 0.7, 0.7)

    def __post_init__(self) -> None:
        if not 1 <= self.min_face_size < math.inf:  # smaller ones enlarge pictures beyond memory
            raise ValueError(f"min_face_size must be a number of pixels from 1 on, not {self.min_face_size}")
        if not 0 < self.scale_factor <= 0.99:  # nearer to 1 the levels would fill the memory
            raise ValueError(f"scale_factor must be above 0 and .99 at most, not {self.scale_factor}")
        if len(self.thresholds) != 3 or not all(0 <= threshold <= 1 for threshold in self.thresholds):
            raise ValueError(f"thresholds must be three numbers from 0 to 1, not {self.thresholds}")
        if self.onet is not None and self.rnet is None:
            raise ValueError("O-Net needs R-Net before it")

    @property
    def nets(self) -> list[Net]:
        """The networks that are there, in order."""
        return [net for net in (self.pnet, self.rnet, self.onet) if net is not None]

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return self.pnet.face.weight.device

    def first(self, count: int) -> Cascade:
        """The same cascade with only its first ``count`` networks."""
        return replace(self, rnet=self.rnet if count > 1 else None, onet=self.onet if count > 2 else None)

    def with_thresholds(self, *thresholds: float) -> Cascade:
        """The same cascade with other thresholds for its first networks."""
        first, second, third = (*thresholds, *self.thresholds[len(thresholds) :])
        return replace(self, thresholds=(first, second, third))

    def settings(self) -> dict[str, Any]:
        """The face size, scale factor and thresholds, as plain values for a report."""
        return {
            "min_face_size": self.min_face_size,
            "scale_factor": self.scale_factor,
            "thresholds": list(self.thresholds),
        }

    def detect(self, images: Iterable[Image]) -> list[Detections]:
        """Faces of each image: uint8 RGB arrays (H, W, 3) of any sizes, read a few at a time."""
        found = []
        for batch in batches(images):
            with one_thread():  # once, not for each step
                *_, last = self.steps(batch)
                found += last.found.by_image(len(batch))
        return found

    def passing(self, image: Image) -> Detections:
        """Final detections, each scored by the highest O-Net threshold at which it is still detected.

        A face must pass O-Net twice, and lower thresholds let more boxes vote, so a score at a low threshold is too
        high. The last NMS may keep another of two boxes than at the higher threshold.
        """
        *_, last = self.steps([image])
        assert last.passing is not None
        found = last.passing()
        found = found.select(found.scores >= self.thresholds[2])
        return found.select(found.nms(_NMS_AT_THE_END)).by_image(1)[0]

    def candidates(self, pyramid: Pyramid, *, mining: bool = False) -> Detections:
        """Boxes of the last network before the final NMS, for one image: the input of the next network.

        Args:
            mining: keep more of R-Net's boxes of each face, for O-Net's training.
        """
        with one_thread():
            *_, last = self._networks([pyramid], _NMS_AFTER_RNET_IN_MINING if mining else _NMS_AFTER_RNET)
        found = last.found.by_image(1)[0]
        return found.select(found.scores.argsort(descending=True, stable=True))  # O-Net's are as R-Net ranked them

    def steps(self, images: Sequence[Image]) -> Iterator[Step]:
        """Detect in a batch of images, step by step; the last step's ``found`` are the detections."""
        steps = self._steps([Pyramid(image) for image in images])
        while True:
            with one_thread():  # outside the networks there is little work
                step = next(steps, None)
            if step is None:
                return
            yield step

    @torch.no_grad()  # tensors from inference_mode can't be changed in place
    def _steps(self, pyramids: Sequence[Pyramid]) -> Iterator[Step]:
        """The networks' steps, then the last NMS and O-Net's second look."""
        for step in self._networks(pyramids):
            yield step
        found = step.found
        kept = found.select(found.nms(_NMS_AT_THE_END if self.onet is None else _NMS_BEFORE_SECOND_LOOK))
        yield Step("nms", kept, lambda: found)
        if self.onet is not None:
            yield self._look_again(self.onet, pyramids, kept, found)

    @torch.no_grad()
    def _networks(self, pyramids: Sequence[Pyramid], nms_after_rnet: float = _NMS_AFTER_RNET) -> Iterator[Step]:
        """The steps up to the last network."""
        for step in self._propose(pyramids):
            yield step
        if self.rnet is not None:
            step = self._judge("rnet", self.rnet, pyramids, step.found, nms_after_rnet)
            yield step
        if self.onet is not None:
            yield self._judge("onet", self.onet, pyramids, step.found)

    def _propose(self, pyramids: Sequence[Pyramid]) -> Iterator[Step]:
        """P-Net over all levels: windows above the threshold with their regressed boxes, then NMS."""
        levels = [run_on_levels(self.pnet, pyramid, self.min_face_size, self.scale_factor) for pyramid in pyramids]
        passed = [windows_above(each, self.thresholds[0], self.device) for each in levels]
        found = moved_windows(self.pnet, levels, passed)

        def judged() -> Candidates:
            windows = [windows_above(each, _LOWEST_JUDGED, self.device) for each in levels]
            return moved_windows(self.pnet, levels, windows)

        yield Step("pnet", found, judged)
        # Windows of neighbouring levels differ in size: at usual scale factors too much to reach that IoU.
        across = _NMS_ACROSS_LEVELS if self.scale_factor**2 >= 0.95 * _NMS_ACROSS_LEVELS else None
        stays = [
            suppress(self.pnet, *each, in_level=_NMS_IN_LEVEL, across_levels=across)
            for each in zip(levels, passed, strict=True)
        ]
        yield Step("pnet_nms", found.select(torch.cat(stays)), lambda: found)

    def _judge(
        self,
        name: Literal["rnet", "onet"],
        net: RNet | ONet,
        pyramids: Sequence[Pyramid],
        before: Candidates,
        nms_threshold: float | None = None,
    ) -> Step:
        """Run R-Net or O-Net on the squares around the candidates; the boxes above its threshold, regressed."""
        squares, logits, boxes = run_on_crops(net, pyramids, before)
        scores = ((logits + size_prior(squares)) / net.temperature).sigmoid()
        kept = torch.nonzero(scores >= self.thresholds[2 if name == "onet" else 1]).squeeze(1)
        if nms_threshold is not None:
            kept = kept[Candidates(squares[kept], scores[kept], before.image[kept]).nms(nms_threshold)]
        found = Candidates(boxes[kept], scores[kept], before.image[kept])
        return Step(name, found, lambda: before._replace(scores=scores))

    def _look_again(self, net: ONet, pyramids: Sequence[Pyramid], before: Candidates, voters: Candidates) -> Step:
        """O-Net's second look at the boxes kept by the NMS before it, then the last NMS."""
        look = look_again(net, pyramids, before)
        scores = look.scores(before.votes(voters, _NMS_AT_THE_END))
        kept = scores >= self.thresholds[2]
        found = Candidates(look.boxes[kept], scores[kept], before.image[kept])
        found = found.select(found.nms(_NMS_AT_THE_END))

        def passing() -> Candidates:
            highest = look.passing(before.voters(voters, _NMS_AT_THE_END))
            return Candidates(look.boxes, highest, before.image)

        return Step("again", found, lambda: before._replace(scores=scores), passing)
