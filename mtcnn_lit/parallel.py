"""The threads that torch may use, each with work of its own: small networks gain little from sharing operations."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_allowed = threading.local()


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
    items = list(items)
    results: dict[int, Result] = {}
    waiting = iter(enumerate(items))  # Python lets one thread at a time take the next

    def work_off() -> None:
        with torch.no_grad():  # holds for the thread that says so
            for number, item in waiting:
                results[number] = work(item)

    helpers: list[Future[None]] = []
    if (threads := threads_allowed()) > 1 and len(items) > 1:
        with suppress(RuntimeError):  # no thread can be had, as while the interpreter ends: fewer do the work
            pool = _pool(threads - 1, os.getpid())
            for _ in range(min(threads, len(items)) - 1):
                helpers.append(pool.submit(work_off))  # noqa: PERF401 - those before a refusal are at work
    with one_thread():
        try:
            work_off()  # the calling thread has its share: one that waited would be woken for each result
        finally:
            wait([helper for helper in helpers if not helper.cancel()])
    for helper in helpers:
        if not helper.cancelled():
            helper.result()
    return [results[number] for number in range(len(items))]


@functools.cache
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    """The threads of this process; a forked one inherits none, and makes its own."""
    own = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "mtcnn_lit", initializer=_compute_alone)
    everyone = threading.Barrier(threads)
    try:
        list(pool.map(lambda _: everyone.wait(), range(threads)))
    finally:
        everyone.abort()  # where not all could be had, the others wait no longer
    torch.set_num_threads(own)  # what a thread sets for itself is also what threads to come begin with
    return pool


def _compute_alone() -> None:
    torch.set_num_threads(1)
    torch.get_num_threads()  # the first time a thread asks, it begins with what any thread set last
