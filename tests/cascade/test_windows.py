"""P-Net's windows: NMS on the grid against NMS of boxes, and windows in pixels of the picture."""

from __future__ import annotations

import pytest
import torch

from mtcnn_lit.boxes import nms
from mtcnn_lit.cascade.windows import Level, suppress_neighbours, window_boxes, windows_above
from mtcnn_lit.nets import PNet


def level(height: int, width: int, seed: int, steps: int = 0) -> Level:
    """Scores at random; with ``steps``, rounded so that many are equal."""
    scores = torch.rand(height, width, generator=torch.Generator().manual_seed(seed))
    if steps:
        scores = (scores * steps).round() / steps
    return Level(scores, torch.zeros(4, height, width), torch.ones(4))


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("above", [0.0, 0.6, 0.95, 1.1])
def test_grid_nms_is_nms_of_the_level(above: float, threshold: float, steps: int) -> None:
    net = PNet()
    levels = [level(17, 23, 1, steps), level(1, 1, 2, steps), level(9, 4, 3, steps)]
    windows = windows_above(levels, above)
    kept = suppress_neighbours(net, levels, windows, threshold)
    assert kept.shape == windows.scores.shape
    crops, _ = window_boxes(net, levels, windows)
    for number in range(3):
        of_level = torch.nonzero(windows.level == number).flatten()
        expected = of_level[nms(crops[of_level], windows.scores[of_level], threshold)]
        assert torch.nonzero(kept & (windows.level == number)).flatten().tolist() == sorted(expected.tolist())


def test_windows_of_several_levels_best_first() -> None:
    first, second = torch.zeros(2, 3), torch.zeros(1, 2)
    first[1, 2], second[0, 1], first[0, 0] = 0.7, 0.9, 0.5
    scales = (torch.full((4,), 0.5), torch.full((4,), 0.25))
    levels = [Level(first, torch.zeros(4, 2, 3), scales[0]), Level(second, torch.full((4, 1, 2), 0.5), scales[1])]
    windows = windows_above(levels, 0.5)
    assert windows.scores.tolist() == pytest.approx([0.9, 0.7, 0.5])
    assert torch.stack(windows[:3], dim=1).tolist() == [[1, 0, 1], [0, 1, 2], [0, 0, 0]]
    crops, boxes = window_boxes(PNet(), levels, windows)
    # Column 1 of the quarter-size level: 2 to 14 px of it.
    assert crops.tolist() == [[8, 0, 56, 48], [8, 4, 32, 28], [0, 0, 24, 24]]
    assert boxes[0].tolist() == [32, 24, 80, 72]
    assert torch.equal(boxes[1:], crops[1:])


def test_no_levels() -> None:
    windows = windows_above([], 0.5)
    assert len(windows.scores) == len(suppress_neighbours(PNet(), [], windows, 0.5)) == 0
    assert [len(boxes) for boxes in window_boxes(PNet(), [], windows)] == [0, 0]


def test_of_each_level_the_best_windows_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mtcnn_lit.cascade.windows._MOST_WINDOWS", 2)
    first = torch.tensor([[0.1, 0.6, 0.9], [0.8, 0.7, 0.2]])
    second = torch.tensor([[0.75], [0.3]])
    levels = [Level(scores, torch.zeros(4, *scores.shape), torch.ones(4)) for scores in (first, second)]
    windows = windows_above(levels, 0.15)
    assert windows.scores.tolist() == pytest.approx([0.9, 0.8, 0.75, 0.3])
    assert torch.stack(windows[:3], dim=1).tolist() == [[0, 0, 2], [0, 1, 0], [1, 0, 0], [1, 1, 0]]


def test_of_an_untrained_network_the_best_4096_windows_of_a_level_go_on() -> None:
    large = level(65, 64, 1)
    windows = windows_above([large, level(2, 3, 2)], 0.0)
    assert windows.level.bincount().tolist() == [4096, 6]
    assert windows.scores[windows.level == 0].min() == large.scores.flatten().sort(descending=True).values[4095]
