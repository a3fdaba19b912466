"""The tables of a ledger, and its chart: what is drawn, and that nothing touches."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

from mtcnn_lit.ledger import Balance
from mtcnn_lit.report.ledger import ledger_section, summary
from mtcnn_lit.report.ledger_chart import draw_ledger
from mtcnn_lit.report.style import styled, to_png

LOST = [[40, 0, 0, 0, 0], [10, 5, 20, 3, 0], [1, 0, 2, 3, 4], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]
FOUND = [0, 12, 1990, 0, 3]
SIXTEEN, THIRTY = (0.0, 0.0, 16.0, 16.0), (0.0, 0.0, 30.0, 30.0)
BALANCE = Balance(
    images=4,
    steps=("pnet", "pnet_nms", "rnet", "onet", "nms"),
    lost=np.array(LOST),
    found=np.array(FOUND),
    candidates=np.array([12345.5, 200.0, 30.25, 4.0, 0.0]),
    seconds=np.array([0.075, 0.0005, 0.02, 0.0045, 0.0]),
    # Not all of the rows that belong to the counts: only what the medians need.
    rows=np.array([(0, 2, 0.25, *SIXTEEN), (1, 2, 0.5, *SIXTEEN), (1, 2, 0.75, *THIRTY)], dtype=np.float32),
)
ONE_NETWORK = BALANCE._replace(
    steps=("pnet", "pnet_nms", "nms"),
    lost=np.array(LOST)[:, :3],
    candidates=BALANCE.candidates[:3],
    seconds=BALANCE.seconds[:3],
)
EMPTY = Balance(0, (), np.zeros((5, 0), int), np.zeros(5, int), np.zeros(0), np.zeros(0), np.zeros((0, 7), np.float32))


def test_on_the_terminal() -> None:
    assert summary(BALANCE).splitlines() == [
        "height, px        faces   P-Net  P-Net's NMS   R-Net   O-Net  last NMS  loses most",
        "<12                  40    0.0%         0.0%    0.0%    0.0%      0.0%       P-Net",
        "12-20                50   80.0%        70.0%   30.0%   24.0%     24.0%       R-Net",
        "20-40             2,000  100.0%       100.0%   99.9%   99.7%     99.5%    last NMS",
        "40-80                 0       –            –       –       –         –           –",
        ">80                   3  100.0%       100.0%  100.0%  100.0%    100.0%           –",
        "all               2,093   97.6%        97.3%   96.3%   96.0%     95.8%       P-Net",
        "candidates/image         12,346          200      30       4         0",
        "ms/image                   75.0          0.5    20.0     4.5       0.0",
    ]


def test_on_the_terminal_without_images() -> None:
    assert summary(EMPTY).splitlines()[1] == "<12                   0           –"


def figure(balance: Balance) -> Figure:
    with styled():
        return draw_ledger(balance)


def test_bars_are_the_shares_found_and_lost() -> None:
    fates = figure(BALANCE).axes[0]
    widths = np.array([[bar.get_width() for bar in part] for part in fates.containers])  # type: ignore[attr-defined]
    expected = np.column_stack([FOUND, LOST]) / np.array([[40], [50], [2000], [1], [3]])
    np.testing.assert_allclose(widths.T, expected)
    ends = [bar.get_x() + bar.get_width() for bar in fates.containers[-1]]  # type: ignore[attr-defined]
    assert ends == pytest.approx([1, 1, 1, 0, 1])
    labels = [label.get_text() for label in fates.get_yticklabels()]
    assert labels == ["<12\n40 faces", "12-20\n50 faces", "20-40\n2,000 faces", "40-80\nno faces", ">80\n3 faces"]


def test_counts_are_written_where_they_have_room() -> None:
    drawn = figure(BALANCE)
    texts = [text.get_text() for text in drawn.axes[0].texts if text.get_text()]
    assert texts == [
        "12",
        "1,990",
        "3",
        "40",
        "10",
        "5",
        "20",
        "3",
    ]  # part by part: found, P-Net, its NMS, R-Net, O-Net
    with styled():
        drawn.draw_without_rendering()
    bars = [bar for part in drawn.axes[0].containers for bar in part]  # type: ignore[attr-defined]
    for bar, text in zip(bars, drawn.axes[0].texts, strict=True):
        if text.get_text():
            (left, right), (start, end) = bar.get_window_extent().intervalx, text.get_window_extent().intervalx
            assert left < start < end < right


@pytest.mark.parametrize(
    ("balance", "steps"),
    [
        (BALANCE, ["P-Net", "P-Net's NMS", "R-Net", "O-Net", "last NMS"]),
        (ONE_NETWORK, ["P-Net", "P-Net's NMS", "last NMS"]),
    ],
)
def test_steps_are_those_of_the_cascade(balance: Balance, steps: list[str]) -> None:
    drawn = figure(balance)
    _, candidates, milliseconds = drawn.axes
    assert [label.get_text() for label in candidates.get_yticklabels()] == steps
    assert [text.get_text() for text in candidates.texts] == ["12,346", "200", "30.2", "4", "0"][: len(steps)]
    assert [bar.get_width() for bar in milliseconds.patches] == pytest.approx([75, 0.5, 20, 4.5, 0][: len(steps)])  # type: ignore[attr-defined]
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == [
        "found",
        *(f"lost at {step}" for step in steps),
    ]


@pytest.mark.parametrize("balance", [BALANCE, ONE_NETWORK])
def test_panels_and_legend_don_t_touch_each_other_nor_the_edge(balance: Balance) -> None:
    with styled():
        drawn = figure(balance)
        drawn.draw_without_rendering()
        boxes = [drawn.legends[0].get_window_extent(), *(axes.get_tightbbox() for axes in drawn.axes)]
    for box in boxes:
        assert box is not None
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= drawn.bbox.width
        assert box.y1 <= drawn.bbox.height
        assert not any(box.overlaps(other) for other in boxes if other is not None and other is not box)


def test_it_becomes_a_picture() -> None:
    with styled():
        assert to_png(draw_ledger(BALANCE)).startswith(b"\x89PNG")


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match="no ledger to draw: it holds no image"):
        draw_ledger(EMPTY)


def test_on_a_page() -> None:
    text = ledger_section(BALANCE, b"png")
    assert text.count("<table>") == 2
    r_net = '<td class="number strong">20 (0.38)</td>'  # the median of .25 and .5, and most faces of 12 to 20 px
    assert r_net in text
    assert '<td class="number">2 (0.75)</td>' in text
    assert '<td class="number">95.8%</td>' in text
    row = '<th>R-Net</th><td class="number">30.2</td><td class="number">20.0</td><td class="number">20.0%</td>'
    assert row in text
