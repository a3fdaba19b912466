"""What worker processes do first."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor

import pytest

from mtcnn_lit.worker_processes import start_loader, start_worker, worker_context


@pytest.mark.skipif(not hasattr(os, "nice"), reason="processes have no niceness here")
def test_training_comes_before_its_loaders_and_not_before_mining() -> None:
    with ProcessPoolExecutor(1, worker_context()) as pool:
        before = pool.submit(os.nice, 0).result()
        pool.submit(start_worker, 0).result()
        assert pool.submit(os.nice, 0).result() == before
        pool.submit(start_loader, 0).result()
        assert pool.submit(os.nice, 0).result() == min(before + 10, 19)
