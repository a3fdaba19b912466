"""Tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal


def columns(rows: Sequence[Sequence[str]], align: Literal["<", ">"] = "<") -> str:
    """Rows as lines with aligned columns.

    Args:
        rows: as many cells each.
        align: where the cells of all columns but the first stand, to the left or to the right.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<", *align * (len(widths) - 1)]
    lines = (
        "  ".join(f"{text:{side}{width}}" for text, side, width in zip(row, sides, widths, strict=True)) for row in rows
    )
    return "\n".join(line.rstrip() for line in lines)
