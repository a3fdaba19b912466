"""The figures of detections: their lines, bars and words, and that empty results can be drawn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mtcnn_lit.metrics import FoundFaces, PrecisionRecall
from mtcnn_lit.report.precision_recall import draw_precision_recall, draw_recall_by_size, draw_roc
from mtcnn_lit.report.style import COLOURS, styled, to_png

CURVES = {
    "easy": PrecisionRecall(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 1, 2, 4]), 2),  # AP (1 + 1/2) / 2
    "hard": PrecisionRecall(torch.tensor([0, 1, 2, 2]), torch.tensor([1, 3, 5, 200]), 4),  # AP (2/5 + 2/5) / 4
}
NOTHING = {"easy": PrecisionRecall(torch.zeros(0, dtype=torch.long), torch.zeros(0, dtype=torch.long), 2)}
NO_FACES = {"easy": PrecisionRecall(torch.tensor([0, 0]), torch.tensor([1, 2]), 0)}


def legend(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.legends[0].get_texts()]


def test_precision_over_recall_starts_where_something_is_shown() -> None:
    with styled():
        figure = draw_precision_recall(CURVES)
    easy, hard = figure.axes[0].lines
    np.testing.assert_array_equal(easy.get_xydata(), [[1 / 2, 1], [1 / 2, 1 / 2], [1, 1 / 2]])
    np.testing.assert_allclose(hard.get_xydata(), [[0, 0], [1 / 4, 1 / 3], [1 / 2, 2 / 5], [1 / 2, 1 / 100]])
    assert legend(figure) == ["easy: AP 0.750", "hard: AP 0.200"]


def test_published_figures_are_dotted_lines_in_the_colour_of_their_list() -> None:
    with styled():
        figure = draw_precision_recall(CURVES, {"easy": 0.848, "medium": 0.825, "hard": 0.598}, "MTCNN")
    assert legend(figure)[2:] == ["published MTCNN, easy: AP 0.848", "published MTCNN, hard: AP 0.598"]
    lines = figure.axes[0].lines
    assert [line.get_linestyle() for line in lines] == ["-", "-", ":", ":"]
    assert [to_hex(line.get_color()) for line in lines] == [COLOURS[0].lower(), COLOURS[1].lower()] * 2
    assert [line.get_ydata()[0] for line in lines[2:]] == [0.848, 0.598]  # type: ignore[index]


def test_the_roc_starts_at_nothing_and_says_the_recall_at_false_positives() -> None:
    with styled():
        figure = draw_roc(CURVES)
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), [[0, 0], [0, 0], [0, 0.5], [1, 0.5], [2, 1]])
    assert legend(figure) == [
        "easy: recall 1.000 at 100, 1.000 at 1,000",
        "hard: recall 0.500 at 100, 0.500 at 1,000",
    ]


def test_without_faces_the_roc_has_no_line() -> None:
    with styled():
        figure = draw_roc(NO_FACES)
    assert np.isnan(figure.axes[0].lines[0].get_ydata()).all()  # type: ignore[arg-type]


def test_bars_by_size_bear_their_counts() -> None:
    with styled():
        figure = draw_recall_by_size(
            {"<12": FoundFaces(1, 4), "12-20": FoundFaces(0, 0), ">=20": FoundFaces(1500, 2000)}
        )
    axes = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.25, 0, 0.75]  # type: ignore[attr-defined]
    assert [text.get_text() for text in axes.texts] == ["0.250\n1 of 4", "no faces", "0.750\n1,500 of 2,000"]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["<12", "12-20", ">=20"]


@pytest.mark.parametrize("curves", [NOTHING, NO_FACES, {f"list {number}": CURVES["easy"] for number in range(9)}])
def test_no_detections_no_faces_and_many_lists_can_be_drawn(curves: dict[str, PrecisionRecall]) -> None:
    with styled():
        pictures = [to_png(draw(curves)) for draw in (draw_precision_recall, draw_roc)]
    assert all(picture.startswith(b"\x89PNG") for picture in pictures)
