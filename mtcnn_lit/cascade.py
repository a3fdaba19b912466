"""The cascade: image pyramid -> P-Net -> R-Net -> O-Net (Zhang et al. 2016, section 2.1).

It knows networks and pictures, no training and no configuration. Without O-Net, or without R-Net too, it ends with the
last network that is there: that is how the training crops of the next network are mined.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from mtcnn_lit.boxes import decode, nms, square
from mtcnn_lit.detections import Detections
from mtcnn_lit.images import Image
from mtcnn_lit.nets import Net, ONet, PNet, RNet, normalize
from mtcnn_lit.pyramid import Pyramid, pyramid_scales

# Overlaps above which the worse of two boxes goes, as in the paper's own code.
_NMS_IN_LEVEL = 0.5
_NMS_ACROSS_LEVELS = 0.7
_NMS_AFTER_RNET = 0.7
_NMS_AT_THE_END = 0.7  # over the smaller box, so that a box inside another one goes

# Crops judged at once: bounds the memory, however many faces there are.
_CHUNK = 512

# Windows of one pyramid level that go into its NMS, best first: bounds the time of a network that is barely trained.
_MOST_WINDOWS = 4096


@dataclass(frozen=True)
class Cascade:
    """Detects faces with one, two or all three networks.

    Attributes:
        pnet, rnet, onet: networks in eval mode, all on one device; the cascade ends before the first that is None.
        min_face_size: smallest face looked for, px.
        scale_factor: from one pyramid level to the next, in (0, 1).
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
        if self.min_face_size <= 0:
            raise ValueError(f"min_face_size must be above 0 px, not {self.min_face_size}")
        if not 0 < self.scale_factor < 1:
            raise ValueError(f"scale_factor must lie between 0 and 1, not {self.scale_factor}")
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
        """The same cascade, ended after its first networks."""
        return replace(self, rnet=self.rnet if count > 1 else None, onet=self.onet if count > 2 else None)

    def with_thresholds(self, *thresholds: float) -> Cascade:
        """The same cascade with other thresholds for its first networks."""
        first, second, third = (*thresholds, *self.thresholds[len(thresholds) :])
        return replace(self, thresholds=(first, second, third))

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Faces of each image: uint8 RGB arrays (H, W, 3) of any sizes."""
        return [self._detect_one(image) for image in images]

    def _detect_one(self, image: Image) -> Detections:
        found = self.candidates(Pyramid(image))
        return found.select(nms(found.boxes, found.scores, _NMS_AT_THE_END, "minimum"))

    @torch.no_grad()  # inference_mode would hand out tensors that callers can't change in place
    def candidates(self, pyramid: Pyramid) -> Detections:
        """What the last network says of one image, before the last NMS: what a next network would be shown."""
        found = self._propose(pyramid)
        if self.rnet is not None:
            found = self._refine(pyramid, found)
        if self.onet is not None:
            found = self._decide(pyramid, found)
        return found.cpu()

    def _propose(self, pyramid: Pyramid) -> Detections:
        """P-Net over all levels: candidate windows, moved to where it sees the face."""
        net = self.pnet
        scales = pyramid_scales(pyramid.height, pyramid.width, net.input_size, self.min_face_size, self.scale_factor)
        levels = [self._propose_in_level(pyramid, scale) for scale in scales]
        if not levels:
            return _no_detections(self.device)
        windows, scores, offsets = (torch.cat(parts) for parts in zip(*levels, strict=True))
        # Windows of neighbouring levels differ in size: by the usual factors too much to overlap that far anywhere.
        if self.scale_factor**2 < 0.95 * _NMS_ACROSS_LEVELS:
            kept = scores.argsort(descending=True, stable=True)
        else:
            kept = nms(windows, scores, _NMS_ACROSS_LEVELS)
        return Detections(decode(windows[kept], offsets[kept]), scores[kept])

    def _propose_in_level(self, pyramid: Pyramid, scale: float) -> tuple[Tensor, Tensor, Tensor]:
        """Windows (N, 4), scores (N,) and offsets (N, 4) of one level that pass P-Net and the level's NMS."""
        net = self.pnet
        level = torch.from_numpy(pyramid.level(scale))[None]
        logits, offsets = net(normalize(level.to(self.device)))
        scores = logits[0].sigmoid()
        row, column = torch.nonzero(scores >= self.thresholds[0], as_tuple=True)
        if len(row) > _MOST_WINDOWS:
            best = scores[row, column].topk(_MOST_WINDOWS).indices
            row, column = row[best], column[best]
        top_left = torch.stack([column, row], dim=1) * net.stride
        windows = torch.cat([top_left, top_left + net.input_size], dim=1).float()
        # The level's sides are whole pixels, so its true scale differs a little from the nominal one, and by axis.
        scale_x, scale_y = level.shape[2] / pyramid.width, level.shape[1] / pyramid.height
        windows /= windows.new_tensor([scale_x, scale_y, scale_x, scale_y])
        passed = scores[row, column]
        kept = nms(windows, passed, _NMS_IN_LEVEL)
        return windows[kept], passed[kept], offsets[0, :, row, column].T[kept]

    def _refine(self, pyramid: Pyramid, candidates: Detections) -> Detections:
        """R-Net on P-Net's candidates."""
        crops, scores, offsets = self._judge(self.rnet, pyramid, candidates, self.thresholds[1])
        kept = nms(crops, scores, _NMS_AFTER_RNET)
        return Detections(decode(crops[kept], offsets[kept]), scores[kept])

    def _decide(self, pyramid: Pyramid, candidates: Detections) -> Detections:
        """O-Net on R-Net's candidates."""
        crops, scores, offsets = self._judge(self.onet, pyramid, candidates, self.thresholds[2])
        return Detections(decode(crops, offsets), scores)

    def _judge(
        self, net: RNet | ONet | None, pyramid: Pyramid, candidates: Detections, threshold: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Square crops (N, 4) around the candidates that ``net`` lets pass, its scores (N,) and offsets (N, 4)."""
        assert net is not None
        squares = square(candidates.boxes)
        logits, offsets = [squares.new_empty(0)], [squares.new_empty(0, 4)]
        for chunk in squares.cpu().split(_CHUNK):
            crops = torch.from_numpy(pyramid.crops(chunk.numpy(), net.input_size))
            chunk_logits, chunk_offsets = net(normalize(crops.to(self.device)))
            logits.append(chunk_logits)
            offsets.append(chunk_offsets)
        scores = torch.cat(logits).sigmoid()
        passed = torch.nonzero(scores >= threshold).squeeze(1)
        return squares[passed], scores[passed], torch.cat(offsets)[passed]


def _no_detections(device: torch.device) -> Detections:
    return Detections(torch.empty(0, 4, device=device), torch.empty(0, device=device))
