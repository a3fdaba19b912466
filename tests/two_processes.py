"""A function in two processes that belong together, as two GPUs of a training would run it."""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Sequence
from typing import Any

from torch import distributed

Share = Sequence[int]


def in_two_processes(function: Callable[[Share], Any], shares: tuple[Share, Share]) -> list[Any]:
    """What ``function`` says in each of two processes of one gloo group, each with its share of the work.

    Args:
        function: of a module, so that it can be sent to a process; what it says travels back.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [
        context.Process(target=_run, args=(function, rank, port, share, results)) for rank, share in enumerate(shares)
    ]
    for process in processes:
        process.start()
    said = [results.get(timeout=90) for _ in processes]
    for process in processes:
        process.join(timeout=30)
    return said


def _run(function: Callable[[Share], Any], rank: int, port: int, share: Share, results: Any) -> None:
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    distributed.init_process_group("gloo", rank=rank, world_size=2)
    results.put(function(share))
    distributed.destroy_process_group()
