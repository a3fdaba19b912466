"""Figures of how good detections are: precision-recall curves, the discrete ROC, recall by the height of faces."""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, MultipleLocator

from mtcnn_lit.metrics.curve import PrecisionRecall
from mtcnn_lit.metrics.recall import FoundFaces
from mtcnn_lit.report.style import COLOURS, FAINT
from mtcnn_lit.report.text import share

_SIZE = (6.4, 4.8)  # inches
_ROC_MARKS = (100, 1000)  # false positives at which the legend shows the recall

Curves = Mapping[str, PrecisionRecall]


def draw_precision_recall(curves: Curves, published: Mapping[str, float] | None = None, whose: str = "") -> Figure:
    """Precision over recall, a line for each list of faces. Call it inside `styled`.

    Args:
        curves: by the name of the list, such as "easy".
        published: AP of another detector on lists of these names, drawn as dotted horizontal lines: the constant
            precision with that AP.
        whose: the other detector's name.
    """
    figure, axes = _canvas("Precision and recall", "recall", "precision")
    colours = dict(zip(curves, cycle(COLOURS), strict=False))
    for name, curve in curves.items():
        shown = curve.shown > 0
        label = f"{name}: AP {share(curve.average_precision().item())}"
        axes.plot(curve.recall[shown].numpy(), curve.precision[shown].numpy(), color=colours[name], label=label)
    references = {name: ap for name, ap in (published or {}).items() if name in curves}
    for name, ap in references.items():
        label = f"published {whose}, {name}: AP {share(ap)}"
        axes.axhline(ap, color=colours[name], linestyle=":", linewidth=1.3, label=label)
    axes.set_xlim(-0.02, 1.02)
    axes.xaxis.set_major_locator(MultipleLocator(0.2))
    figure.legend(loc="outside lower left", ncols=2 if references else 1, handlelength=2.2)
    return figure


def draw_roc(curves: Curves) -> Figure:
    """The discrete ROC: recall over false positives in all images together. Call it inside `styled`.

    Args:
        curves: by name.
    """
    figure, axes = _canvas("Recall and false positives", "false positives in all images", "recall")
    for (name, curve), colour in zip(curves.items(), cycle(COLOURS), strict=False):
        recalls = zip(curve.recall_at(_ROC_MARKS), _ROC_MARKS, strict=True)
        label = f"{name}: recall " + ", ".join(f"{share(recall)} at {count:,}" for recall, count in recalls)
        across = np.append(0, curve.false_positives.numpy())
        up = np.append(0 if curve.faces_count else math.nan, curve.recall.numpy())
        axes.plot(across, up, color=colour, label=label, drawstyle="steps-post")
    axes.set_xscale("symlog", linthresh=1)  # logarithmic from 1 on, with room for 0
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    figure.legend(loc="outside lower left", handlelength=2.2)
    return figure


def draw_recall_by_size(counts: Mapping[str, FoundFaces]) -> Figure:
    """The share of faces found, a bar for each bin of heights, with its numbers. Call it inside `styled`.

    Args:
        counts: by the name of the bin.
    """
    figure, axes = _canvas("Recall by the height of the face", "height of the face, pixels", "recall")
    shares = [count.found / count.faces if count.faces else 0 for count in counts.values()]
    bars = axes.bar(range(len(counts)), shares, width=0.62, color=COLOURS[0])
    axes.bar_label(bars, [_bar_text(count) for count in counts.values()], padding=3, color=FAINT, fontsize=9)
    axes.set_xticks(range(len(counts)), list(counts))
    axes.grid(visible=False, axis="x")
    axes.set_ylim(0, 1.14)  # room for the numbers above a full bar
    return figure


def _canvas(title: str, across: str, up: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=_SIZE, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08))
    axes = figure.subplots()
    axes.set_title(title)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_ylim(-0.02, 1.02)
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    return figure, axes


def _bar_text(count: FoundFaces) -> str:
    if count.faces == 0:
        return "no faces"
    return f"{share(count.found / count.faces)}\n{count.found:,} of {count.faces:,}"
