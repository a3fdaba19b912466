from __future__ import annotations

from itertools import count

import pytest

from mtcnn_lit.live.pace import Rate, paced


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def taken_in(seconds: float, fps: float | None, work: float) -> list[float]:
    """When items were taken, by someone who works on each for a while."""
    clock, times = Clock(), []
    for _ in paced(count(), fps, clock, clock.sleep):
        if clock.now >= 100 + seconds:
            return times
        times.append(clock.now - 100)
        clock.sleep(work)
    return times


@pytest.mark.parametrize(
    ("fps", "work", "expected"),
    [(10, 0.01, 10), (10, 0.099, 10), (30, 0.2, 5), (None, 0.02, 50)],
)
def test_as_many_are_taken_a_second_as_are_wanted_and_possible(fps: float | None, work: float, expected: int) -> None:
    assert len(taken_in(10, fps, work)) == pytest.approx(10 * expected, abs=1)


def test_a_late_one_is_made_up_for_and_a_long_pause_is_not() -> None:
    clock, times = Clock(), []
    for number in paced(range(8), 10, clock, clock.sleep):
        times.append(round(clock.now - 100, 3))
        clock.sleep({1: 0.15, 4: 1.0}.get(number, 0.01))
    assert times == [0, 0.1, 0.25, 0.3, 0.4, 1.4, 1.41, 1.5]


def test_no_more_is_said_than_there_is() -> None:
    assert list(paced([1, 2], 1000)) == [1, 2]
    assert list(paced([], None)) == []
    with pytest.raises(ValueError, match=r"^fps must be above 0, not 0$"):
        next(paced([1], 0))


def test_the_rate_is_that_of_the_last_seconds() -> None:
    clock = Clock()
    rate = Rate(clock)
    assert rate.tick() == 0
    for _ in range(100):
        clock.sleep(0.1)
        measured = rate.tick()
    assert measured == pytest.approx(10)
    for _ in range(3):
        clock.sleep(1)
        measured = rate.tick()
    assert measured == pytest.approx(1)
