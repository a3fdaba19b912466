"""Curves of one or many runs: a panel for each metric, a colour for each run, training dashed, validation solid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from mtcnn_lit.report.events import Curve
from mtcnn_lit.report.style import COLOURS, FAINT

# When the colours are used up they repeat, with markers.
_MARKERS = ("", "o", "^", "s", "D", "v", "P", "X")
_MOST_MARKS = 8  # on one line
_SPLITS: dict[str, Literal["-", "--"]] = {"val": "-", "train": "--"}
_RATE = "learning rate"
_FIRST = ("ap", "loss")
_IN_CAPITALS = {"ap": "AP", "iou": "IoU"}

_PANEL = (4.4, 3.0)  # width and height, inches
_ONLY_PANEL = (7.5, 4.5)
_MOST_COLUMNS = 3
_LEGEND_ROW, _LETTER, _HANDLE = 0.22, 0.072, 0.7  # inches: height of a legend row, width of a letter and of a handle

Runs = Mapping[str, Mapping[str, Curve]]


def draw_curves(runs: Runs) -> Figure:
    """All curves of all runs. Call it inside `styled`.

    Args:
        runs: for each run, by the name that the legend gives it, its scalars by tag: `train/X` and `val/X` share the
            panel X, what starts with `lr-` is the learning rate, others are left out.

    Raises:
        ValueError: when there is nothing to draw.
    """
    titles = panels(runs)
    if not titles:
        raise ValueError("no curves: nothing was logged as train/… or val/…")
    columns = min(_MOST_COLUMNS, len(titles))
    rows = math.ceil(len(titles) / columns)
    width, height = (_PANEL[0] * columns, _PANEL[1] * rows) if len(titles) > 1 else _ONLY_PANEL
    legend_columns = max(1, min(len(runs), int(width / (_HANDLE + _LETTER * max(map(len, runs))))))
    height += 0.6 + _LEGEND_ROW * math.ceil(len(runs) / legend_columns)
    figure = Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, hspace=0.03))
    axes = figure.subplots(rows, columns, squeeze=False).flatten().tolist()
    for panel in axes[len(titles) :]:
        panel.remove()
    by_epoch = all(curve.epochs is not None for curves in runs.values() for curve in curves.values())
    drawn = (curve for curves in runs.values() for tag, curve in curves.items() if _place(tag)[0])
    end = max(1.0, *(float(_across(curve, by_epoch)[-1]) for curve in drawn))
    for title, panel in zip(titles, axes, strict=False):
        _draw_panel(panel, title, runs, by_epoch)
        panel.set_xlim(-0.03 * end, 1.03 * end)  # the same for all panels
    for panel in axes[max(0, len(titles) - columns) : len(titles)]:
        panel.set_xlabel("epochs trained" if by_epoch else "steps")
    _add_legends(figure, runs, legend_columns)
    return figure


def panels(runs: Runs) -> list[str]:
    """The titles of the panels: AP and loss first, the learning rate last."""
    titles = dict.fromkeys(title for curves in runs.values() for tag in curves if (title := _place(tag)[0]))
    first = [title for title in _FIRST if title in titles]
    last = [_RATE] if _RATE in titles else []
    return [*first, *(title for title in titles if title not in (*first, *last)), *last]


def _place(tag: str) -> tuple[str, str]:
    """The panel and the line style of a tag; ("", "") if it is not drawn."""
    split, _, name = tag.partition("/")
    if tag.startswith("lr-"):
        return _RATE, "-"
    return (name, _SPLITS[split]) if split in _SPLITS else ("", "")


def _draw_panel(panel: Axes, title: str, runs: Runs, by_epoch: bool) -> None:
    panel.set_title(" ".join(_IN_CAPITALS.get(word, word) for word in title.split("_")))
    panel.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    panel.margins(y=0.07)
    for (_, curves), look in zip(runs.items(), _looks(len(runs)), strict=True):
        for tag, curve in curves.items():
            place, line = _place(tag)
            if place != title:
                continue
            # Isolated points get a marker, hollow for training, whose lines are thinner.
            alone = _alone(curve.values)
            marks = {"marker": look["marker"] or "o"} if alone else {}
            training = {"markerfacecolor": "white", "linewidth": 1.1} if line == _SPLITS["train"] else {}
            every = range(0, len(curve.steps), max(1, len(curve.steps) // _MOST_MARKS)) if look["marker"] else []
            panel.plot(
                _across(curve, by_epoch),
                curve.values,
                line,
                **{**look, **marks, **training},
                markevery=sorted({*every, *alone}),
            )


def _alone(values: npt.NDArray[Any]) -> list[int]:
    """Indices of isolated values: a single one, or one between NaNs."""
    finite = np.pad(np.isfinite(values), 1)
    return np.flatnonzero(finite[1:-1] & ~finite[:-2] & ~finite[2:]).tolist()


def _across(curve: Curve, by_epoch: bool) -> npt.NDArray[Any]:
    return curve.epochs if by_epoch and curve.epochs is not None else curve.steps


def _looks(count: int) -> Iterator[dict[str, Any]]:
    """Colour and marker of each run; thinner lines for many runs."""
    width = 1.7 if count <= len(COLOURS) else 1.35
    for index in range(count):
        marker = _MARKERS[index // len(COLOURS) % len(_MARKERS)]
        yield {"color": COLOURS[index % len(COLOURS)], "marker": marker, "markersize": 4, "linewidth": width}


def _add_legends(figure: Figure, runs: Runs, columns: int) -> None:
    """The legend of runs below the panels, and of solid and dashed lines above them."""
    strokes = [Line2D([], [], **look) for look in _looks(len(runs))]
    figure.legend(strokes, list(runs), loc="outside lower left", ncols=columns, handlelength=1.8)
    drawn = {tag.partition("/")[0] for curves in runs.values() for tag in curves}
    splits: Sequence[str] = [split for split in _SPLITS if split in drawn]
    lines = [Line2D([], [], color=FAINT, linestyle=_SPLITS[split]) for split in splits]
    figure.legend(lines, splits, loc="outside upper right", ncols=2, handlelength=2.6)
