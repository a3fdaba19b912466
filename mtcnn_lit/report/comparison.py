"""The comparison of runs as a page and as lines for the terminal."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from mtcnn_lit.report.events import Curve
from mtcnn_lit.report.html import Html, join, page, paragraph, picture, table
from mtcnn_lit.report.runs import Run, best_index, differing, is_loss, metric_tags
from mtcnn_lit.report.text import NOTHING, columns


def comparison_page(runs: Sequence[Run], names: Sequence[str], png: bytes) -> str:
    """The whole page: curves, differing settings, best and last metrics, and the runs' folders.

    Args:
        names: the runs' names, in order.
        png: the picture of the curves.
    """
    title = f"Training run {names[0]}" if len(runs) == 1 else f"{len(runs)} training runs compared"
    sections = [("Curves", picture(png, "Loss and metrics of each run over its epochs"))]
    if len(runs) > 1:
        sections.append(("Hyperparameters that differ", _settings(runs, names)))
    sections += [("Best metrics", _best(runs, names)), ("Last metrics", _last(runs, names))]
    sections.append(("Runs", _folders(runs, names)))
    return page(title, sections)


def summary(runs: Sequence[Run], names: Sequence[str], most: int = 3) -> str:
    """The main metrics of each run as aligned columns, for the terminal.

    Args:
        most: how many metrics.
    """
    tags = metric_tags(runs)[:most]
    headers = ["run", *(f"{word} {tag}" for tag in tags for word in ("best", "last"))]
    rows = [
        [name, *(write(tag, run.curves.get(tag)) for tag in tags for write in (best_text, last_text))]
        for run, name in zip(runs, names, strict=True)
    ]
    return columns([headers, *rows])


def best_text(tag: str, curve: Curve | None) -> str:
    """The best value and, in brackets, after how many epochs it was reached."""
    index = None if curve is None else best_index(tag, curve)
    if curve is None or index is None:
        return NOTHING
    when = "" if curve.epochs is None else f" ({np.format_float_positional(curve.epochs[index], 2, trim='-')})"
    return number(float(curve.values[index])) + when


def last_text(tag: str, curve: Curve | None) -> str:
    """The last value."""
    return NOTHING if curve is None else number(float(curve.values[-1]))


def number(value: float) -> str:
    """Four decimals; very small and very large values in scientific notation."""
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e5 else f"{value:.3g}"


def _settings(runs: Sequence[Run], names: Sequence[str]) -> Html:
    keys = differing(runs)
    if sum(bool(run.settings) for run in runs) < 2:
        return paragraph("Not known: fewer than two of these runs have a record of their settings (.hydra).")
    if not keys:
        return paragraph("None: the records of these runs say the same.")
    return _matrix(names, keys, lambda run, key: runs[run].settings.get(key, NOTHING))


def _best(runs: Sequence[Run], names: Sequence[str]) -> Html:
    note = "In brackets: after how many epochs. The best among several runs of a stage is marked."
    tags = metric_tags(runs)
    return join(paragraph(note), _matrix(names, tags, _writer(runs, best_text), _winners(runs, tags)))


def _last(runs: Sequence[Run], names: Sequence[str]) -> Html:
    return _matrix(names, metric_tags(runs), _writer(runs, last_text))


def _writer(runs: Sequence[Run], write: Callable[[str, Curve | None], str]) -> Callable[[int, str], str]:
    return lambda run, tag: write(tag, runs[run].curves.get(tag))


def _winners(runs: Sequence[Run], tags: Sequence[str]) -> set[tuple[int, str]]:
    """The best run of each stage with several runs, for each metric. Stages are measured on different patches."""
    winners = set()
    for stage in {run.stage for run in runs}:
        for tag in tags:
            reached = {
                index: float(run.curves[tag].values[best])
                for index, run in enumerate(runs)
                if run.stage == stage and tag in run.curves and (best := best_index(tag, run.curves[tag])) is not None
            }
            if len(reached) > 1:
                top = (min if is_loss(tag) else max)(reached.values())
                winners |= {(index, tag) for index, value in reached.items() if value == top}
    return winners


def _matrix(
    names: Sequence[str],
    keys: Sequence[str],
    write: Callable[[int, str], str],
    strong: Collection[tuple[int, str]] = frozenset(),
) -> Html:
    """A row for each run, or for each key if there are more keys: long tables are easier to read than wide ones."""
    numbered = range(len(names))
    if len(keys) > len(names):
        rows = [[key, *(write(run, key) for run in numbered)] for key in keys]
        marked = {(row, run + 1) for row, key in enumerate(keys) for run in numbered if (run, key) in strong}
        return table(["", *names], rows, marked)
    rows = [[names[run], *(write(run, key) for key in keys)] for run in numbered]
    marked = {(run, column + 1) for run in numbered for column, key in enumerate(keys) if (run, key) in strong}
    return table(["run", *keys], rows, marked)


def _folders(runs: Sequence[Run], names: Sequence[str]) -> Html:
    rows = [
        [name, str(run.folder), _epochs(run), "finished" if run.finished else "not finished"]
        for run, name in zip(runs, names, strict=True)
    ]
    return table(["run", "folder", "epochs", ""], rows)


def _epochs(run: Run) -> str:
    """The number of completed epochs."""
    ends = [float(epochs[-1]) for tag in metric_tags([run]) if (epochs := run.curves[tag].epochs) is not None]
    return f"{max(ends):.0f}" if ends else NOTHING
