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
    """Initialise a worker: one OpenCV thread, freed memory is kept for the next picture.

    It exits when its parent process does.
    """
    if (works_for := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_end_with, args=(works_for,), daemon=True).start()
    cv2.setNumThreads(1)
    keep_freed_memory()


def _end_with(process: BaseProcess) -> None:
    """Exit when the parent process dies, even by SIGKILL: PyTorch's own check watches the fork server."""
    process.join()
    os._exit(1)


def start_loader(number: int) -> None:
    """Initialise a DataLoader worker at low priority: training needs the cores first.

    A training operation runs on all cores and is as slow as the slowest of them.
    """
    start_worker(number)
    if hasattr(os, "nice"):  # not on Windows
        os.nice(10)
