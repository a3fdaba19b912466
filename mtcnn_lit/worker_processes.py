"""How worker processes are started."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess

import cv2

from mtcnn_lit.memory import keep_freed_memory

# Imported once by the server that workers are forked from: a worker then starts in milliseconds.
_PRELOAD = ["mtcnn_lit.mining.map_images", "mtcnn_lit.sources", "mtcnn_lit.data.patches"]


def worker_context() -> BaseContext:
    """Workers are forked from a small server process, not from this one.

    A fork of a process whose libraries run threads (OpenCV's and OpenMP's pools, CUDA) can hang at its first call
    of that library.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOAD)
    return context


def start_worker(_: int) -> None:
    """What a worker does first: its work uses one core, and the memory of one picture for the next one.

    It ends with the process that it works for.
    """
    if (works_for := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(works_for,), daemon=True).start()
    cv2.setNumThreads(1)
    keep_freed_memory()


def _end_with(process: BaseProcess) -> None:
    """End this process when that one ends: when it is killed nobody says so to its workers.

    PyTorch's workers look whether their parent is there, which is the server.
    """
    process.join()
    os._exit(1)


def start_loader(number: int) -> None:
    """What a worker does first that makes ready what training waits for; the cores are training's in the first place.

    Each operation of training is shared among all cores, and is as slow as the one on which a worker runs.
    """
    start_worker(number)
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)
