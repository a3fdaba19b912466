"""Figures of one network on patches: precision-recall and ROC, and the IoU of boxes before and after regression."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MultipleLocator, NullLocator, PercentFormatter, StrMethodFormatter
from torch import Tensor
from torchmetrics.functional.classification import binary_precision_recall_curve, binary_roc

from mtcnn_lit.report.style import COLOURS, FAINT
from mtcnn_lit.report.text import share

_SIZE = (11.0, 4.6)  # inches
_THRESHOLD = 0.5  # score that the curves mark
_BINS = (np.arange(51) / 50).tolist()
_BEFORE, _AFTER = COLOURS[1], COLOURS[0]


def draw_pr_roc(scores: Tensor, is_face: Tensor, ap: float, auroc: float) -> Figure:
    """Precision over recall, and the ROC over a logarithmic axis. Call it inside `styled`.

    Args:
        scores: (N,) float32 in [0, 1].
        is_face: (N,) int64, 0 or 1, with both among them.
        ap, auroc: areas shown in the titles.
    """
    figure, (left, right) = _panels(2)
    precision, recall, thresholds = binary_precision_recall_curve(scores, is_face, validate_args=False)
    _curve(left, f"Precision and recall: AP {share(ap)}", recall[:-1], precision[:-1], thresholds)
    left.set(xlabel="recall", ylabel="precision", xlim=(-0.02, 1.02))
    left.xaxis.set_major_locator(MultipleLocator(0.2))
    false_positives, true_positives, thresholds = binary_roc(scores, is_face, validate_args=False)
    _curve(right, f"ROC: area {share(auroc)}", false_positives[1:], true_positives[1:], thresholds[1:])
    right.set(xlabel="false positive rate", ylabel="true positive rate", xscale="log")
    right.set_xlim(1 / int((is_face == 0).sum()), 1.2)
    right.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    right.xaxis.set_minor_locator(NullLocator())
    return figure


def _curve(panel: Axes, title: str, across: Tensor, up: Tensor, thresholds: Tensor) -> None:
    """A curve with a dot where the threshold is `_THRESHOLD`."""
    panel.set_title(title)
    panel.set_ylim(-0.02, 1.02)
    panel.yaxis.set_major_locator(MultipleLocator(0.2))
    panel.plot(across.numpy(), up.numpy(), color=COLOURS[0])
    # At the lowest score that reaches the threshold, as in the table; at (0, 0) if none does.
    dot = int(torch.where(thresholds >= _THRESHOLD, thresholds, math.inf).argmin())
    x, y = (float(across[dot]), float(up[dot])) if thresholds[dot] >= _THRESHOLD else (0.0, 0.0)
    panel.plot(x, y, "o", color=COLOURS[1], label=f"score {_THRESHOLD}")
    panel.legend(loc="lower center")


def draw_box_iou(boxes: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """Histograms of the IoU with the face, as cut and as regressed, a panel for each label. Call it inside `styled`.

    Args:
        boxes: IoU before and after, (N,) each, N at least 1, by the name of the label.
    """
    figure, panels = _panels(len(boxes))
    for panel, (name, (before, after)) in zip(panels, boxes.items(), strict=True):
        panel.set_title(f"{len(before):,} {name} patches")
        panel.set(xlabel="IoU with the face", xlim=(0, 1))
        weights = np.full(len(before), 1 / len(before))
        for word, iou, colour in (("before", before, _BEFORE), ("after", after, _AFTER)):
            label = f"{word}: mean {share(float(iou.mean()))}"
            panel.hist(iou.numpy(), _BINS, weights=weights, color=colour, alpha=0.55, label=label)
            panel.axvline(float(iou.mean()), color=colour, linestyle="--", linewidth=1.2)
        panel.yaxis.set_major_formatter(PercentFormatter(1))
        panel.legend(loc="upper left")
    panels[0].set_ylabel("share of the patches", color=FAINT)
    return figure


def _panels(count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=_SIZE, layout=ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08, wspace=0.04))
    return figure, list(figure.subplots(1, count, squeeze=False)[0])
