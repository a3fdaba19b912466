"""The threads that torch may use, each with work of its own: small networks gain little from sharing operations."""

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
if hasattr(os, "register_at_fork"):  # a fork must not inherit it from a thread that the fork does not have
    os.register_at_fork(
        before=_one_by_one.acquire, after_in_parent=_one_by_one.release, after_in_child=_one_by_one.release
    )


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch's operations use one thread in the calling one; `in_parallel` may use as many as before.

    The threads of a small operation that was shared go on spinning for milliseconds, on the cores that the next
    `in_parallel` wants.
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

    Inside, torch uses one thread for each. What ``work`` raises is raised here.
    """
    items = list(items)
    results: dict[int, Result] = {}
    waiting = iter(enumerate(items))  # Python lets one thread at a time take the next

    def work_off() -> None:
        with torch.no_grad(), _no_autocast():  # both hold for the thread that says so
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


def _no_autocast() -> AbstractContextManager[None]:
    """Made where there is one: to no purpose it would take 10 us in each thread."""
    return torch.autocast("cpu", enabled=False) if torch.is_autocast_enabled("cpu") else nullcontext()


@functools.cache
def _pool(threads: int, _process: int) -> ThreadPoolExecutor:
    """The threads of this process; a forked one inherits none, and makes its own."""
    pool = ThreadPoolExecutor(threads, "mtcnn_lit", _compute_alone, (threads + 1,))
    everyone = threading.Barrier(threads)
    try:
        list(pool.map(lambda _: everyone.wait(), range(threads)))
    finally:
        everyone.abort()  # where not all could be had, the others wait no longer
    return pool


def _own_threads() -> int:
    """How many threads torch uses in the calling one."""
    with _one_by_one:
        return torch.get_num_threads()


def _compute_alone(threads: int) -> None:
    """From now on torch uses one thread in the calling one; threads to come still begin with ``threads``.

    The first time a thread asks torch, it begins with what any thread set last, and keeps that for good. So another
    thread sets it back at once; those of this module wait with their first question until it has.
    """
    with _one_by_one:
        torch.get_num_threads()  # a first question that came later would undo what is set
        torch.set_num_threads(1)
        with suppress(RuntimeError):  # the interpreter ends: there are no threads to come
            _setter(os.getpid()).submit(torch.set_num_threads, threads).result()


@functools.cache
def _setter(_process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "mtcnn_lit_setter")
