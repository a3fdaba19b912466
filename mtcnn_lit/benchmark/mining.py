"""How fast mining is, and what memory it takes."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from mtcnn_lit.benchmark.memory import idle_memory, peak_above
from mtcnn_lit.benchmark.plain_work import DetectOnly, read_only
from mtcnn_lit.benchmark.tables import Bar
from mtcnn_lit.benchmark.timing import in_rounds, pair_ratios
from mtcnn_lit.mining.cascade_crops import CascadeCrops
from mtcnn_lit.mining.map_images import ImageFunction, map_images
from mtcnn_lit.mining.mine import Miner, mine
from mtcnn_lit.sources.base import Source

# How many times as long as the plain work mining may take.
_BAR_READING = 1.5
_BAR_DETECTING = 1.3

# Processes whose peak memory is measured.
_FRESH = 3


def mining_bar(name: str, source: Source, miner: Miner, workers: int, *, warmup: int, repeats: int) -> Bar:
    """Mining a source against reading its images alone, or detecting in them where the miner does, in turns.

    Args:
        name: of the stage that is mined for.
        source: all of it is mined, anew each time.
        workers: processes, for either.
    """
    plain: ImageFunction[None] = read_only
    what, limit = "reading", _BAR_READING
    if isinstance(miner, CascadeCrops):
        miner.prepare(workers)  # its thresholds are measured once, however many images are mined
        plain, what, limit = DetectOnly(miner.cascade), "detecting", _BAR_DETECTING

    def mined() -> float:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            mine(source, miner, Path(folder), workers)
            return time.perf_counter() - start

    def plainly() -> float:
        start = time.perf_counter()
        for _ in map_images(source, plain, workers=workers, title=f"{what} {source.split}"):
            pass
        return time.perf_counter() - start

    rounds, plain_rounds = in_rounds([[mined], [plainly]], warmup=warmup, repeats=repeats)
    seconds, plain_seconds = (statistics.median(each for (each,) in column) for column in (rounds, plain_rounds))
    (ratio,) = pair_ratios(rounds, plain_rounds)
    return Bar(f"{name} mining against {what} in {len(source)} images", seconds, plain_seconds, ratio, limit)


def mining_memory(source: Source, miner: Miner) -> int | None:
    """Bytes that mining takes at most, in a process without others to help it, above that process when idle.

    The median of three fresh processes: what the system gives to one and leaves with it differs by a third.

    Returns:
        None where the system doesn't tell.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, max_tasks_per_child=1) as fresh:
        taken = [fresh.submit(_mine_and_tell, source, miner).result() for _ in range(_FRESH)]
    known = [peak for peak in taken if peak is not None]
    return int(statistics.median(known)) if known else None


def _mine_and_tell(source: Source, miner: Miner) -> int | None:
    idle = idle_memory()
    with tempfile.TemporaryDirectory() as folder:
        mine(source, miner, Path(folder), workers=0)
        return peak_above(idle)
