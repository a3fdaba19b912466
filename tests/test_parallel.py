from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import torch

from mtcnn_lit import parallel
from mtcnn_lit.parallel import in_parallel, one_thread, threads_allowed
from tests.bright_squares import bright_cascade, picture


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_order_and_without_gradients(threads: int) -> None:
    weight = torch.ones(1, requires_grad=True)
    results = in_parallel(lambda number: number * weight, range(20))
    assert [result.item() for result in results] == list(range(20))
    assert not any(result.requires_grad for result in results)
    assert in_parallel(lambda number: number, []) == []


def test_autocast_of_the_calling_thread_changes_no_result(threads: int) -> None:
    one = torch.ones(1, 1)
    with torch.autocast("cpu", torch.bfloat16):
        results = in_parallel(lambda number: number * one @ one, [1 / 3] * 20)
        assert (one @ one).dtype == torch.bfloat16
    assert {result.dtype for result in results} == {torch.float32}


def test_all_threads_work_at_once_and_each_computes_alone(threads: int) -> None:
    everyone = threading.Barrier(threads)

    def meet(_: int) -> int:
        everyone.wait(timeout=20)  # breaks, and raises, when fewer are at work
        return torch.get_num_threads()

    assert in_parallel(meet, range(2 * threads)) == [1] * 2 * threads


def test_torch_uses_as_many_threads_afterwards_here_and_in_new_threads(threads: int) -> None:
    in_parallel(lambda number: number, range(20))
    seen = [torch.get_num_threads()]
    later = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert seen == [threads, threads]


def test_threads_that_begin_meanwhile_have_as_many_as_ever(threads: int) -> None:
    def ask_in_a_new_thread(_: int) -> int:
        seen: list[int] = []
        new = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        new.start()
        new.join()
        return seen[0]

    with one_thread():
        assert ask_in_a_new_thread(0) == threads
        assert in_parallel(ask_in_a_new_thread, range(6)) == [threads] * 6
        assert torch.get_num_threads() == 1


class SlowSetter:
    """Predictions for the thread that sets what threads to come begin with, when something else has happened."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        self.meanwhile = meanwhile

    def submit(self, work: Callable[[int], None], threads: int) -> Future[None]:
        self.meanwhile()
        done = Future[None]()
        with ThreadPoolExecutor(1) as elsewhere:
            elsewhere.submit(work, threads).result()
        done.set_result(None)
        return done


def test_threads_that_begin_to_detect_at_once_do_not_get_the_one_of_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen: list[int] = []
    other = threading.Thread(target=lambda: seen.append(threads_allowed()))

    def begin() -> None:
        other.start()
        other.join(0.1)  # time enough for an answer, which it must not have yet

    monkeypatch.setattr(parallel, "_setter", lambda _: SlowSetter(begin))
    try:
        with one_thread():
            other.join()
    finally:
        torch.set_num_threads(before)
    assert seen == [2]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes can't be forked here")
@pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")
def test_a_fork_does_not_wait_for_what_another_thread_was_at(monkeypatch: pytest.MonkeyPatch) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    entered = threading.Event()
    monkeypatch.setattr(parallel, "_setter", lambda _: SlowSetter(lambda: (entered.set(), time.sleep(0.1))))

    def enter() -> None:
        with one_thread():
            pass

    other = threading.Thread(target=enter)
    try:
        other.start()
        entered.wait()
        if (child := os.fork()) == 0:
            signal.alarm(20)  # ends a fork that waits
            os._exit(threads_allowed())
        other.join()
    finally:
        torch.set_num_threads(before)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


def test_while_the_interpreter_ends_the_calling_thread_works_alone() -> None:
    code = """
import atexit, torch
from mtcnn_lit import parallel
from mtcnn_lit.parallel import in_parallel
def work(threads):
    torch.set_num_threads(threads)
    print(in_parallel(lambda number: number, range(4)))
atexit.register(work, 3)  # whose threads are not there yet
atexit.register(work, 2)
work(2)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.stdout, ended.stderr) == ("[0, 1, 2, 3]\n" * 3, "")


def test_what_is_raised_is_raised_here(threads: int) -> None:
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda number: 1 // number, range(5))


def test_what_another_thread_raises_is_raised_here_when_the_rest_is_done() -> None:
    before, here = torch.get_num_threads(), threading.get_ident()
    torch.set_num_threads(2)
    together = threading.Barrier(2, timeout=10)
    done = []

    def fail_elsewhere(item: int) -> None:
        if item < 2:
            together.wait()  # both threads are at work
            if threading.get_ident() != here:
                raise KeyError(item)
        done.append(item)

    try:
        with pytest.raises(KeyError):
            in_parallel(fail_elsewhere, range(6))
    finally:
        torch.set_num_threads(before)
    assert sorted(done)[-4:] == [2, 3, 4, 5]


def test_detections_are_the_same_with_any_number_of_threads(threads: int) -> None:
    image = picture(300, 400, (60, 50, 100, 90), (200, 120, 280, 200), (20, 200, 44, 224))
    (found,) = bright_cascade().detect([image])
    torch.set_num_threads(1)
    (expected,) = bright_cascade().detect([image])
    assert len(expected) == 3
    assert torch.equal(found.boxes, expected.boxes)
    assert torch.equal(found.scores, expected.scores)


def test_inside_one_thread_the_work_still_has_all_of_them() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert (torch.get_num_threads(), threads_allowed()) == (1, 2)
            together = threading.Barrier(2, timeout=10)  # breaks unless both are at work at once
            assert in_parallel(lambda item: (together.wait(), item)[1], [1, 2]) == [1, 2]
            assert torch.get_num_threads() == 1
        assert (torch.get_num_threads(), threads_allowed()) == (2, 2)
    finally:
        torch.set_num_threads(before)


def test_an_error_inside_one_thread_gives_the_others_back(threads: int) -> None:
    inside = []

    def fail() -> None:
        with one_thread():
            inside.append((torch.get_num_threads(), threads_allowed()))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [(1, threads)]
    assert (torch.get_num_threads(), threads_allowed()) == (threads, threads)
