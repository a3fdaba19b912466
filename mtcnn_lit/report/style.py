"""The style of all figures. Figures are created without pyplot: no window, no global state."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib import font_manager
from matplotlib.figure import Figure

# Okabe and Ito's colour-blind safe palette, without the yellow, which is hard to see on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#333333")
INK = "#24292f"
FAINT = "#57606a"
_GRID = "#e4e7eb"

# Fonts of Linux, macOS and Windows for Chinese, Japanese and Korean, which matplotlib's own font lacks.
_OTHER_SCRIPTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "Droid Sans Fallback"),
    *("PingFang SC", "Hiragino Sans", "Apple SD Gothic Neo", "Arial Unicode MS"),
    *("Microsoft YaHei", "Yu Gothic", "Malgun Gothic"),
)

_STYLE: dict[Any, Any] = {  # matplotlib's own type is the list of all its keys
    "figure.facecolor": "white",
    "figure.dpi": 130,
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": FAINT,
    "axes.edgecolor": "#c4c9d0",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": _GRID,
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "text.parse_math": False,  # names of files and runs may hold a dollar sign
}


@functools.cache
def _families() -> list[str]:
    """Fallback fonts in order: names of files and runs may be in any script."""
    installed = set(font_manager.get_font_names())
    return ["sans-serif", *(name for name in _OTHER_SCRIPTS if name in installed)]


@contextmanager
def styled() -> Iterator[None]:
    """Apply the common style to figures that are created and drawn inside."""
    with mpl.rc_context({**_STYLE, "font.family": _families()}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from font")  # one for each letter
        yield


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG file. Call it inside `styled`, too."""
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
