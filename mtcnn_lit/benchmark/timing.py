"""Time several rounds, and statistics of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

# Seconds of each item, round by round.
Rounds: TypeAlias = list[list[float]]


class Quartiles(NamedTuple):
    """The quartiles of values."""

    lower: float
    median: float
    upper: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Quartiles:
        """Interpolated linearly; values must not be empty."""
        return cls(*np.percentile(values, (25, 50, 75)).tolist())


def medians(rounds: Rounds) -> list[float]:
    """The median of each item over the rounds."""
    return [float(value) for value in np.median(rounds, axis=0)]


def pair_ratios(numerator: Rounds, denominator: Rounds) -> list[float]:
    """For each item the median over the rounds of the ratio of the two times measured in the same round."""
    return [float(value) for value in np.median(np.divide(numerator, denominator), axis=0)]


def in_rounds(runs: Sequence[Sequence[Callable[[], float]]], *, warmup: int, repeats: int) -> list[Rounds]:
    """Seconds of each contender on each item: A and B take turns item by item, round after round.

    Args:
        runs: for each contender the functions that return its seconds, one an item; equally many.
        warmup: rounds that are not kept.
        repeats: rounds that are.

    Returns:
        For each contender the seconds of each round and item.
    """
    kept: list[Rounds] = [[] for _ in runs]
    for number in range(warmup + repeats):
        turns = [[run() for run in side_by_side] for side_by_side in zip(*runs, strict=True)]
        if number >= warmup:
            for rounds, seconds in zip(kept, zip(*turns, strict=True), strict=True):
                rounds.append(list(seconds))
    return kept
