"""The figure: which panels, which lines, and that it stays readable with one run and with twenty."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from mtcnn_lit.report.curves import draw_curves, panels
from mtcnn_lit.report.events import Curve
from mtcnn_lit.report.style import COLOURS, styled, to_png

TAGS = ("lr-AdamW", "val/loss", "val/box_iou", "val/ap", "train/loss", "train/box_iou", "best/val/ap")


def curve(*values: float, by_epoch: bool = True) -> Curve:
    steps = 10 * np.arange(len(values)) + 9
    return Curve(steps, np.array(values), (steps + 1) / 10 if by_epoch else None)


def figure(runs: int, values: tuple[float, ...] = (0.5, 0.75), by_epoch: bool = True, name: str = "run") -> Figure:
    with styled():
        return draw_curves(
            {f"{name} {run}": {tag: curve(*values, by_epoch=by_epoch) for tag in TAGS} for run in range(runs)}
        )


def test_panels_are_ap_and_loss_first_and_the_learning_rate_last() -> None:
    assert panels({"run": dict.fromkeys(TAGS, curve(1.0))}) == ["ap", "loss", "box_iou", "learning rate"]
    assert [axes.get_title("left") for axes in figure(1).axes] == ["AP", "loss", "box IoU", "learning rate"]


def test_training_is_dashed_and_validation_solid_in_one_panel() -> None:
    loss = figure(1).axes[1]
    assert [line.get_linestyle() for line in loss.lines] == ["-", "--"]
    assert {to_hex(line.get_color()) for line in loss.lines} == {COLOURS[0].lower()}
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[1, 0.5], [2, 0.75]])


@pytest.mark.parametrize(("by_epoch", "label", "across"), [(True, "epochs trained", [1, 2]), (False, "steps", [9, 19])])
def test_the_axis_is_in_epochs_or_else_in_steps(by_epoch: bool, label: str, across: list[int]) -> None:
    axes = figure(1, by_epoch=by_epoch).axes
    assert [each.get_xlabel() for each in axes] == ["", label, label, label]
    assert axes[0].lines[0].get_xdata().tolist() == across


def test_one_run_without_epochs_puts_all_in_steps() -> None:
    runs = {"a": {"val/ap": curve(0.5)}, "b": {"val/ap": curve(0.5, by_epoch=False)}}
    with styled():
        assert draw_curves(runs).axes[0].get_xlabel() == "steps"


@pytest.mark.parametrize(
    ("values", "marked"),
    [
        ((0.5,), [0]),
        ((0.5, math.nan), [0]),
        ((0.5, 0.6, math.nan, 0.7), [3]),
        ((math.nan, 0.5, math.nan, 0.7), [1, 3]),
        ((0.5, 0.6), []),
    ],
)
def test_a_value_without_a_neighbour_has_a_mark(values: tuple[float, ...], marked: list[int]) -> None:
    line = figure(1, values).axes[0].lines[0]
    assert line.get_markevery() == marked
    assert line.get_marker() == ("o" if marked else "")


def test_twenty_runs_look_different_from_each_other() -> None:
    lines = figure(20).axes[0].lines
    assert len({(line.get_color(), line.get_marker()) for line in lines}) == 20


def test_a_single_point_is_marked_hollow_for_training() -> None:
    loss = figure(1, values=(0.5,)).axes[1]
    assert [line.get_marker() for line in loss.lines] == ["o", "o"]
    assert [to_hex(line.get_markerfacecolor()) for line in loss.lines] == [COLOURS[0].lower(), "#ffffff"]


@pytest.mark.parametrize(("runs", "name"), [(1, "pnet"), (3, "rnet lr=0.001"), (20, "pnet box_loss_weight=0.5 lr=0.1")])
def test_legends_and_panels_don_t_touch_each_other_nor_the_edge(runs: int, name: str) -> None:
    with styled():
        drawn = figure(runs, name=name)
        drawn.draw_without_rendering()
        legends = [legend.get_window_extent() for legend in drawn.legends]
        boxes = legends + [axes.get_tightbbox() for axes in drawn.axes]
    assert [text.get_text() for text in drawn.legends[0].get_texts()] == [f"{name} {run}" for run in range(runs)]
    assert [text.get_text() for text in drawn.legends[1].get_texts()] == ["val", "train"]
    for box in boxes:
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= drawn.bbox.width
        assert box.y1 <= drawn.bbox.height
        assert not any(box.overlaps(other) for other in boxes if other is not box)


def test_dollar_signs_in_names_are_only_text() -> None:
    with styled():
        png = to_png(figure(1, name="pnet root=$HOME\\frac{$"))
    image = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    assert image.shape[1] == 1716  # three panels of 4.4 inches at 130 dots an inch


def test_nan_and_infinity_leave_gaps() -> None:
    with styled():
        assert to_png(figure(1, values=(0.5, math.nan, math.inf, 0.25))).startswith(b"\x89PNG")


def test_nothing_to_draw_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^no curves: "):
        draw_curves({"run": {"best/val/ap": curve(0.5)}})


def test_names_in_any_script_are_drawn_without_a_word(recwarn: pytest.WarningsRecorder) -> None:
    drawn = figure(1, name="人脸 얼굴 かお")
    with styled():
        assert to_png(drawn).startswith(b"\x89PNG")
    assert [str(warning.message) for warning in recwarn] == []
