from __future__ import annotations

import math

import pytest

from mtcnn_lit.report.text import NOTHING, columns, share

ROWS = [["run", "ap", ""], ["a", "0.75", "x"], ["long name", "–", ""]]


def test_columns_stand_to_the_left() -> None:
    assert columns(ROWS) == "run        ap\na          0.75  x\nlong name  –"


def test_or_to_the_right_all_but_the_first() -> None:
    assert columns(ROWS, ">") == "run          ap\na          0.75  x\nlong name     –"


@pytest.mark.parametrize(("value", "text"), [(0.8244, "0.824"), (0.0, "0.000"), (1.0, "1.000"), (math.nan, NOTHING)])
def test_a_share_has_three_decimals(value: float, text: str) -> None:
    assert share(value) == text
