"""The ledger of losses as a picture: faces found and lost by size, and the cost of each step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from mtcnn_lit.cascade import StepName
from mtcnn_lit.face_sizes import SIZES
from mtcnn_lit.ledger import STEP_TITLES, Balance
from mtcnn_lit.report.style import COLOURS, FAINT, INK

# A network and its NMS are two shades of one colour; what is found is green.
_BLUE, _VERMILION, _GREEN, _PURPLE, _SKY, _ORANGE, _GREY = COLOURS
_STEP_COLOURS: dict[StepName, str] = {
    "pnet": _BLUE,
    "pnet_nms": _SKY,
    "rnet": _VERMILION,
    "onet": _ORANGE,
    "nms": _PURPLE,
    "again": _GREY,
}
_LIGHT = (_SKY, _ORANGE, _PURPLE)  # white is hard to read on them

_SIZE = (12.0, 4.6)  # width and height, inches
_DIGIT = 0.0095  # share of the bar that a digit of a count takes


def draw_ledger(balance: Balance) -> Figure:
    """A bar of 100 % for each size class, then candidates and time of each step. Call it inside `styled`.

    Raises:
        ValueError: for a ledger without images.
    """
    if not balance.images:
        raise ValueError("no ledger to draw: it holds no image")
    figure = Figure(figsize=_SIZE, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.04))
    grid = figure.add_gridspec(2, 2, width_ratios=(2.3, 1))
    fates = figure.add_subplot(grid[:, 0])
    _draw_fates(fates, balance)
    handles, labels = fates.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=len(labels), handlelength=1, columnspacing=1.4)
    titles, colours = ([names[step] for step in balance.steps] for names in (STEP_TITLES, _STEP_COLOURS))
    counts = figure.add_subplot(grid[0, 1])
    _draw_steps(counts, "candidates left per image", titles, colours, balance.candidates.tolist())
    counts.set_xscale("symlog", linthresh=1)  # a step may leave none
    counts.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    _draw_steps(figure.add_subplot(grid[1, 1]), "ms per image", titles, colours, (1000 * balance.seconds).tolist())
    return figure


def _draw_fates(panel: Axes, balance: Balance) -> None:
    """Stacked bars, found first, with counts where they fit."""
    panel.set_title("faces found and lost, by height in px")
    panel.xaxis.set_major_formatter(PercentFormatter(1))
    panel.grid(axis="y", visible=False)
    panel.set_xlim(0, 1)
    whole = np.maximum(balance.faces, 1)
    left = np.zeros(len(SIZES))
    names = ["found", *(f"lost at {STEP_TITLES[step]}" for step in balance.steps)]
    colours = [_GREEN, *(_STEP_COLOURS[step] for step in balance.steps)]
    for name, colour, counts in zip(names, colours, [balance.found, *balance.lost.T], strict=True):
        shares = counts / whole
        bars = panel.barh(range(len(SIZES)), shares, left=left, color=colour, label=name, height=0.72)
        fits = shares > _DIGIT * (0.8 + np.char.str_len(counts.astype(str)))
        texts = [f"{count:,}" if fit else "" for count, fit in zip(counts, fits, strict=True)]
        panel.bar_label(bars, texts, label_type="center", color=INK if colour in _LIGHT else "white", fontsize=9)
        left += shares
    panel.set_yticks(range(len(SIZES)), [_size_label(*row) for row in zip(SIZES, balance.faces.tolist(), strict=True)])
    panel.invert_yaxis()


def _size_label(size: str, faces: int) -> str:
    return f"{size}\n{faces:,} {'face' if faces == 1 else 'faces'}" if faces else f"{size}\nno faces"


def _draw_steps(
    panel: Axes, title: str, titles: Sequence[str], colours: Sequence[str], values: Sequence[float]
) -> None:
    """A bar for each step, with its value at the end."""
    panel.set_title(title)
    panel.grid(axis="y", visible=False)
    bars = panel.barh(titles, values, color=colours, height=0.72)
    panel.bar_label(
        bars,
        [f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in values],
        padding=3,
        color=FAINT,
        fontsize=9,
    )
    panel.margins(x=0.2)
    panel.invert_yaxis()
