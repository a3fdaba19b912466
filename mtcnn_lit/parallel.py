"""Independent work in parallel threads: small networks gain little from multi-threaded operations."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_allowed = threading.local()
_one_by_one = threading.Lock()
if hasattr(os, "register_at_fork"):  # a forked process must not inherit it locked by a thread that it lacks
    os.register_at_fork(
        before=_one_by_one.acquire, after_in_parent=_one_by_one.release, after_in_child=_one_by_one.release
    )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Make torch operations of the calling thread single-threaded; `in_parallel` may use as many threads as before.

    After a small multi-threaded operation its threads spin for milliseconds, on cores that the next `in_parallel`
    needs.
    """
    threads = _own_threads()
    if threads == 1:
        yield
        return
    _allowed.threads = threads
    try:
        _compute_alone(threads)
        yield
    finally:
        torch.set_num_threads(threads)
        del _allowed.threads


def threads_allowed() -> int:
    """How many threads `in_parallel` uses."""
    return getattr(_allowed, "threads", None) or _own_threads()


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """``work(item)`` for each item, in order, without gradients or autocast, in as many threads as torch may use.

    Inside, torch operations are single-threaded. Exceptions of ``work`` are raised here.
    """
    items = list(items)
    results: dict[int, Result] = {}
    waiting = iter(enumerate(items))  # thread-safe: the interpreter's lock is held while the next is taken

    def work_off() -> None:
        with torch.no_grad(), _no_autocast():  # both are set per thread
            for number, item in waiting:
                results[number] = work(item)

    helpers: list[Future[None]] = []
    if (threads := threads_allowed()) > 1 and len(items) > 1:
        with suppress(RuntimeError):  # no new thread can start, as at interpreter exit: fewer do the work
            pool = _pool(threads - 1, os.getpid())
            for _ in range(min(threads, len(items)) - 1):
                helpers.append(pool.submit(work_off))  # noqa: PERF401 - those submitted before an error count
    with one_thread():
        try:
            work_off()  # the calling thread works too: waiting, it would be woken for each result
        finally:
            wait([helper for helper in helpers if not helper.cancel()])
    for helper in helpers:
        if not helper.cancelled():
            helper.result()
    return [results[number] for number in range(len(items))]


def _no_autocast() -> AbstractContextManager[None]:
    """Created only if autocast is on, since it costs 10 us in each thread."""
    return torch.autocast("cpu", enabled=False) if torch.is_autocast_enabled("cpu") else nullcontext()


@functools.cache
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    """This process's threads; a forked process inherits none and makes its own."""
    pool = ThreadPoolExecutor(threads, "mtcnn_lit", _compute_alone, (threads + 1,))
    everyone = threading.Barrier(threads)
    try:
        list(pool.map(lambda _: everyone.wait(), range(threads)))
    finally:
        everyone.abort()  # if not all could start, release the others
    return pool


def _own_threads() -> int:
    """How many threads torch uses for operations of the calling thread."""
    with _one_by_one:
        return torch.get_num_threads()


def _compute_alone(threads: int) -> None:
    """Set torch to one thread in the calling thread; later threads still start with ``threads``.

    On its first call into torch, a thread takes the value that any thread set last, and keeps it. So another thread
    sets it back at once; the lock delays first calls by threads of this module until it has.
    """
    with _one_by_one:
        torch.get_num_threads()  # a first call after this one would undo the setting
        torch.set_num_threads(1)
        with suppress(RuntimeError):  # interpreter exit: no later threads
            _setter(os.getpid()).submit(torch.set_num_threads, threads).result()


@functools.cache
def _setter(_process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "mtcnn_lit_setter")
