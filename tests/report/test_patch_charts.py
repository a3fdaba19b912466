"""What the figures of one network show, read from their lines and bars."""

from __future__ import annotations

import pytest
import torch

from mtcnn_lit.report.patch_charts import draw_box_iou, draw_pr_roc
from mtcnn_lit.report.style import styled, to_png

SCORES = torch.tensor([0.9, 0.8, 0.6, 0.3])
IS_FACE = torch.tensor([1, 0, 0, 1])


def test_curves_by_hand() -> None:
    with styled():
        figure = draw_pr_roc(SCORES, IS_FACE, 0.75, 0.5)
        assert to_png(figure).startswith(b"\x89PNG")
    left, right = figure.axes
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == (
        "Precision and recall: AP 0.750",
        "ROC: area 0.500",
    )
    (curve, dot), (roc, roc_dot) = left.lines, right.lines
    assert curve.get_xdata().tolist() == [1, 0.5, 0.5, 0.5]
    assert curve.get_ydata().tolist() == pytest.approx([1 / 2, 1 / 3, 1 / 2, 1])
    assert roc.get_xdata().tolist() == [0, 0.5, 1, 1]
    assert roc.get_ydata().tolist() == [0.5, 0.5, 0.5, 1]
    # Three patches score 0.6 or more, the threshold nearest to a half: one face of two, and both negatives.
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == pytest.approx((1 / 2, 1 / 3))
    assert (roc_dot.get_xdata()[0], roc_dot.get_ydata()[0]) == (1, 0.5)


def test_the_dot_lies_at_no_recall_where_no_score_reaches_a_half() -> None:
    with styled():
        figure = draw_pr_roc(SCORES / 2, IS_FACE, 0.75, 0.5)
        assert to_png(figure).startswith(b"\x89PNG")
    left, right = figure.axes
    for _, dot in (left.lines, right.lines):
        assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (0, 0)


def test_histograms_by_hand() -> None:
    boxes = {
        "positive": (torch.tensor([0.71, 0.73, 0.71, 0.75]), torch.tensor([0.91, 0.91, 0.83, 0.95])),
        "part": (torch.tensor([0.51]), torch.tensor([0.61])),
    }
    with styled():
        figure = draw_box_iou(boxes)
        assert to_png(figure).startswith(b"\x89PNG")
    left, right = figure.axes
    assert (left.get_title(loc="left"), right.get_title(loc="left")) == ("4 positive patches", "1 part patches")
    texts = [text.get_text() for text in left.get_legend().get_texts()]
    assert texts == ["before: mean 0.725", "after: mean 0.900"]
    before, _ = left.containers
    shares = {round(bar.get_x(), 2): bar.get_height() for bar in before if bar.get_height()}
    assert shares == {0.7: 0.5, 0.72: 0.25, 0.74: 0.25}


def test_one_label_alone_has_one_panel() -> None:
    with styled():
        figure = draw_box_iou({"positive": (torch.tensor([0.7]), torch.tensor([0.8]))})
    assert len(figure.axes) == 1
