"""The speed and peak memory of mining."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from mtcnn_lit.benchmark.memory import idle_memory, peak_above
from mtcnn_lit.benchmark.plain_work import DetectOnly
from mtcnn_lit.benchmark.tables import Bar
from mtcnn_lit.benchmark.timing import in_rounds, pair_ratios
from mtcnn_lit.mining.cascade_crops import CascadeCrops
from mtcnn_lit.mining.map_images import ImageFunction, map_images, read_only
from mtcnn_lit.mining.mine import Miner, mine
from mtcnn_lit.sources.base import Source

# Limits of mining time relative to the plain work.
_BAR_READING = 1.5
_BAR_DETECTING = 1.3

# Processes whose peak memory is measured.
_FRESH = 3


def mining_bar(name: str, source: Source, miner: Miner, workers: int, *, warmup: int, repeats: int) -> Bar:
    """Time mining a source against only reading its images, or detecting in them if the miner does, in turns.

    Args:
        name: of the stage that is mined for.
        source: all of it is mined, anew each time.
        workers: processes, for either.
    """
    plain: ImageFunction[None] = read_only
    what, limit = "reading", _BAR_READING
    if isinstance(miner, CascadeCrops):
        miner.prepare(workers)  # its thresholds are measured once, independent of the number of images
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
    """Peak memory of mining without worker processes, bytes above the idle process.

    The median of three fresh processes, since the peak varies by a third.

    Returns:
        None if the system doesn't report it.
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
