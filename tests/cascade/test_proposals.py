"""P-Net over the levels of a picture."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mtcnn_lit.cascade import Pyramid, proposals
from mtcnn_lit.cascade.proposals import run_on_levels
from mtcnn_lit.nets import PNet, normalize


@pytest.mark.parametrize("width", [1, 20, 33, 10**3])
@pytest.mark.parametrize("pixels", [1, 700, 1500, 10**6])
def test_tiles_change_nothing(monkeypatch: pytest.MonkeyPatch, pixels: int, width: int) -> None:
    torch.manual_seed(0)
    net, noise = PNet().eval(), np.random.default_rng(0).integers(0, 256, (61, 47, 3), dtype=np.uint8)
    whole = torch.from_numpy(noise)[None]
    with torch.no_grad():
        logits, offsets = net(normalize(whole))
        monkeypatch.setattr(proposals, "_TILE_PIXELS", pixels)
        monkeypatch.setattr(proposals, "_TILE_WIDTH", width)
        finest = run_on_levels(net, Pyramid(noise), 12, 0.5)[0]
    octaves = np.log2(40 / 12)  # see size_prior
    torch.testing.assert_close(finest.scores, (logits[0] - octaves).sigmoid())
    torch.testing.assert_close(finest.offsets, offsets[0])
