"""Text for tables: shares, the mark for no value, and aligned columns for the terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

NOTHING = "–"  # in a table, where there is no value


def share(value: float) -> str:
    """Three decimals; `NOTHING` for NaN."""
    return NOTHING if math.isnan(value) else f"{value:.3f}"


def columns(rows: Sequence[Sequence[str]], align: Literal["<", ">"] = "<") -> str:
    """Rows as lines with aligned columns.

    Args:
        rows: as many cells each.
        align: alignment of all columns but the first, left or right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<", *align * (len(widths) - 1)]
    lines = (
        "  ".join(f"{text:{side}{width}}" for text, side, width in zip(row, sides, widths, strict=True)) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
