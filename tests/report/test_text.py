from __future__ import annotations

from mtcnn_lit.report.text import columns

ROWS = [["run", "ap", ""], ["a", "0.75", "x"], ["long name", "–", ""]]


def test_columns_stand_to_the_left() -> None:
    assert columns(ROWS) == "run        ap\na          0.75  x\nlong name  –"


def test_or_to_the_right_all_but_the_first() -> None:
    assert columns(ROWS, ">") == "run          ap\na          0.75  x\nlong name     –"
