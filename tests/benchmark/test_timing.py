"""Medians, ratios and the order of turns."""

from __future__ import annotations

from collections.abc import Callable

from mtcnn_lit.benchmark.timing import Quartiles, in_rounds, medians, pair_ratios


def test_medians_are_by_item() -> None:
    assert medians([[1, 40], [3, 10], [2, 20]]) == [2, 20]


def test_ratios_are_of_pairs_before_the_median() -> None:
    """The ratios of the first item are 2, 8 and 3; the ratio of the medians would be 8 / 2."""
    assert pair_ratios([[2, 6], [16, 6], [8, 6]], [[1, 3], [2, 2], [8 / 3, 1]]) == [3, 3]


def test_quartiles_by_hand() -> None:
    assert Quartiles.of([5, 1, 2, 4, 3]) == (2, 3, 4)
    assert Quartiles.of([7.5]) == (7.5, 7.5, 7.5)
    assert Quartiles.of([0, 1]) == (0.25, 0.5, 0.75)


def test_contenders_take_turns_item_by_item_and_warm_up_first() -> None:
    turns: list[str] = []

    def run(name: str) -> Callable[[], float]:
        def timed() -> float:
            turns.append(name)
            return float(len(turns))

        return timed

    ours, theirs = in_rounds([[run("A1"), run("A2")], [run("B1"), run("B2")]], warmup=1, repeats=2)
    assert turns == ["A1", "B1", "A2", "B2"] * 3
    assert ours == [[5, 7], [9, 11]]
    assert theirs == [[6, 8], [10, 12]]
