"""The threads that torch may use, each with work of its own: small networks gain little from sharing operations."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


_allowed = threading.local()


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch's operations use one thread in the calling one; `in_parallel` may use as many as before.

    The threads of a small operation that was shared go on spinning for milliseconds, on the cores that the next
    `in_parallel` wants.
    """
    threads = torch.get_num_threads()
    if threads == 1:
        yield
        return
    _allowed.threads = threads
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        del _allowed.threads


def threads_allowed() -> int:
    """How many threads `in_parallel` uses."""
    return getattr(_allowed, "threads", torch.get_num_threads())


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``work(item)`` for each item, in order, without gradients, in as many threads as torch may use.

    Inside, torch uses one thread for each. What ``work`` raises is raised here.
    """
    items, threads = list(items), threads_allowed()

    def work_alone(item: Item) -> Result:
        with torch.no_grad():  # holds for the thread that says so
            return work(item)

    if threads == 1 or len(items) <= 1:
        return [work_alone(item) for item in items]
    return list(_pool(threads, os.getpid()).map(work_alone, items))


@functools.cache
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    """The threads of this process; a forked one inherits none, and makes its own."""
    own = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "mtcnn_lit", initializer=_compute_alone)
    everyone = threading.Barrier(threads)
    list(pool.map(lambda _: everyone.wait(), range(threads)))
    torch.set_num_threads(own)  # what a thread sets for itself is also what threads to come begin with
    return pool


def _compute_alone() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # the first time a thread asks, it begins with what any thread set last
