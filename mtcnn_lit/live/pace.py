"""Limit and measure the rate of pictures."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

_SECONDS = 2.0  # that a rate is measured over


def paced(
    items: Iterable[Item],
    fps: float | None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> Iterator[Item]:
    """The items, at most `fps` of them a second; without a limit if it is None.

    Waits before taking an item, so that a camera's frame is fresh. Delays below one period are made up for, so that the
    rate holds on average.

    Raises:
        ValueError: when `fps` is not above 0.
    """
    if fps is None:
        yield from items
        return
    if not fps > 0:
        raise ValueError(f"fps must be above 0, not {fps}")
    turn, due, iterator = 1 / fps, clock(), iter(items)
    while True:
        now = clock()
        if now < due:
            sleep(due - now)
        due = max(due, now - turn) + turn
        try:
            item = next(iterator)
        except StopIteration:
            return
        yield item


class Rate:
    """Counts how often something happens."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque()

    def tick(self) -> float:
        """Count an event; the events a second over the last 2 s, 0 at first."""
        now = self._clock()
        self._times.append(now)
        while self._times[0] < now - _SECONDS:
            self._times.popleft()
        passed = now - self._times[0]
        return (len(self._times) - 1) / passed if passed > 0 else 0.0
