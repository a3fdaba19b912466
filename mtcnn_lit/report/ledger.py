"""The ledger of losses as tables: for a page and for the terminal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mtcnn_lit.face_sizes import SIZES
from mtcnn_lit.ledger import STEP_TITLES, Balance
from mtcnn_lit.report.html import Html, join, paragraph, picture, table
from mtcnn_lit.report.text import NOTHING, columns

_ALL = "all"


def ledger_section(balance: Balance, png: bytes) -> Html:
    """The chart and the tables below it.

    Args:
        png: the picture that `mtcnn_lit.report.ledger_chart.draw_ledger` draws.
    """
    note = (
        "A face is covered by a candidate of IoU 0.5 or more, and lost at the last step after which none covers it any "
        "more. In brackets: the median of the best scores that this step gave to candidates that covered the faces it "
        "lost. The step that loses most faces of a size is marked."
    )
    return join(
        picture(png, "Faces found and lost at each step, by height"), paragraph(note), _losses(balance), _costs(balance)
    )


def summary(balance: Balance) -> str:
    """The share of the faces of each size that is left after each step, and the steps' cost, as text."""
    headers = ["height, px", "faces", *(STEP_TITLES[step] for step in balance.steps), "loses most"]
    rows = [
        [name, f"{faces:,}", *(_percent(left, faces) for left in remaining), _loses_most(balance, lost)]
        for name, faces, remaining, lost in _by_size(balance)
    ]
    candidates = ["candidates/image", "", *(f"{count:,.0f}" for count in balance.candidates), ""]
    milliseconds = ["ms/image", "", *(f"{1000 * seconds:,.1f}" for seconds in balance.seconds), ""]
    return columns([headers, *rows, candidates, milliseconds], ">")


def _by_size(balance: Balance) -> Iterator[tuple[str, int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """For each size and for all: name, faces, faces left after each step, faces lost at each step."""
    for index, size in enumerate(SIZES):
        yield size, int(balance.faces[index]), balance.remaining[index], balance.lost[index]
    yield _ALL, int(balance.faces.sum()), balance.remaining.sum(axis=0), balance.lost.sum(axis=0)


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else NOTHING


def _loses_most(balance: Balance, lost: npt.NDArray[np.int64]) -> str:
    return STEP_TITLES[balance.steps[int(lost.argmax())]] if lost.any() else NOTHING


def _losses(balance: Balance) -> Html:
    """Faces by size, found and lost."""
    titles = [f"lost at {STEP_TITLES[step]}" for step in balance.steps]
    rows, marked = [], set()
    for row, (name, faces, _, lost) in enumerate(_by_size(balance)):
        size = None if name == _ALL else name
        cells = [
            _lost_text(int(count), balance.median_score(step, size))
            for step, count in zip(balance.steps, lost, strict=True)
        ]
        found = int(faces - lost.sum())
        rows.append([f"{name} px" if size else name, f"{faces:,}", f"{found:,}", _percent(found, faces), *cells])
        if lost.any():
            marked.add((row, 4 + int(lost.argmax())))
    return table(["height", "faces", "found", "", *titles], rows, marked)


def _lost_text(count: int, score: float | None) -> str:
    return f"{count:,}" if score is None else f"{count:,} ({score:.2f})"


def _costs(balance: Balance) -> Html:
    """Candidates left and time of each step, per image."""
    rows = [
        [STEP_TITLES[step], f"{candidates:,.1f}", f"{1000 * seconds:,.1f}", _percent(seconds, balance.seconds.sum())]
        for step, candidates, seconds in zip(balance.steps, balance.candidates, balance.seconds, strict=True)
    ]
    return table(["step", "candidates left per image", "ms per image", "of the time"], rows)
