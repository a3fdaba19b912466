"""O-Net's second look at its own detections, which are better placed than what R-Net showed it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mtcnn_lit.cascade.crops import run_on_crops
from mtcnn_lit.cascade.pyramid import Pyramid
from mtcnn_lit.cascade.size_prior import size_prior
from mtcnn_lit.detections import Candidates
from mtcnn_lit.nets import ONet

# A score of exactly 0 or 1 has no finite logit.
_LOGIT_EPS = 1e-6


class SecondLook(NamedTuple):
    """O-Net's predictions for N candidates over all its looks.

    Attributes:
        before: the candidates, with the scores of the first look.
        boxes: (N, 4) regressed.
        logits: (N,) face logits, without votes.
        temperature: of the scores.
    """

    before: Candidates
    boxes: Tensor
    logits: Tensor
    temperature: float

    def scores(self, votes: Tensor) -> Tensor:
        """Add log(votes) to the logit: true faces are found from several windows, false ones usually from one.

        Args:
            votes: (N,) the number of boxes that overlap this one by more than the IoU of the last NMS.

        Shape: -> (N,)
        """
        return self._voted(self.logits, votes)

    def passing(self, voters: Tensor) -> Tensor:
        """For each candidate the highest O-Net threshold at which it is detected, ignoring NMS.

        It must pass both looks; k boxes vote at thresholds up to the score of the k-th voter.

        Args:
            voters: (N, M) the scores of the boxes that vote, best first, padded with zeros.

        Shape: -> (N,)
        """
        count = torch.arange(1, voters.shape[1] + 1, device=voters.device)
        by_votes = torch.minimum(voters, self._voted(self.logits[:, None], count))
        alone = self._voted(self.logits, torch.ones_like(self.logits))
        highest = torch.cat([alone[:, None], by_votes], dim=1).amax(dim=1)
        return torch.minimum(highest, self.before.scores)

    def _voted(self, logits: Tensor, votes: Tensor) -> Tensor:
        return ((logits + votes.clamp(min=1).float().log()) / self.temperature).sigmoid()


def look_again(net: ONet, pyramids: Sequence[Pyramid], before: Candidates) -> SecondLook:
    """Run O-Net on its own detections again, as they are and mirrored, and average (not in the paper).

    First the detections as they are, then mirrored at the boxes regressed from them (test-time augmentation). Boxes are
    the mean of these two looks, logits of all three. It costs little: O-Net sees many more crops the first time.
    """
    _, again, moved = run_on_crops(net, pyramids, before)
    _, turned, moved_on = run_on_crops(net, pyramids, before._replace(boxes=moved), mirrored=True)
    boxes = (moved + moved_on) / 2
    first = before.scores.logit(_LOGIT_EPS) * net.temperature
    return SecondLook(before, boxes, (first + again + turned + 2 * size_prior(boxes)) / 3, net.temperature)
