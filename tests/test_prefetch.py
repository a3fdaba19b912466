from __future__ import annotations

import itertools
import threading

import pytest

from mtcnn_lit.prefetch import prefetch


def test_it_gives_what_map_gives() -> None:
    assert list(prefetch(lambda number: number**2, range(7))) == [0, 1, 4, 9, 16, 25, 36]
    assert list(prefetch(str, [])) == []


def test_it_runs_ahead_but_not_far() -> None:
    begun: list[int] = []
    results = prefetch(begun.append, itertools.count())
    next(results)
    next(results)
    assert max(begun, default=0) <= 4
    results.close()  # type: ignore[attr-defined]


def test_it_works_in_another_thread() -> None:
    threads = set(prefetch(lambda _: threading.get_ident(), range(3)))
    assert threading.get_ident() not in threads
    assert len(threads) == 1


def test_an_error_is_raised_where_its_result_is_taken() -> None:
    results = prefetch(lambda number: 6 // number, [3, 2, 0, 1])
    assert [next(results), next(results)] == [2, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)
