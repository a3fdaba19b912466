"""A detector in a fresh process, so that its threads and its memory are its own."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
import torch

from mtcnn_lit.benchmark.macs import cascade_macs, matrix_rate
from mtcnn_lit.benchmark.memory import idle_memory, peak_above
from mtcnn_lit.cascade import Cascade, StepName, timed_steps
from mtcnn_lit.images import Image
from mtcnn_lit.mtcnn import MTCNN

Result = TypeVar("Result")

# In the fresh process: its detector, and its memory before the first picture.
_detector: MTCNN
_idle: int | None


class Run(NamedTuple):
    """Attributes: seconds, from arrays in memory to detections; faces, how many were found."""

    seconds: float
    faces: int


class Profile(NamedTuple):
    """The cost of a picture in detail.

    Attributes:
        seconds: of each step; P-Net's includes building the pyramid.
        candidates: that each step passes on.
        macs: multiply-accumulates of the three networks.
    """

    seconds: dict[StepName, float]
    candidates: dict[StepName, int]
    macs: float


class DetectorProcess:
    """A detector with a number of threads in a separate process; pictures are files written by `numpy.save`.

    Args:
        make: makes the detector, in that process.
        threads: for torch and OpenCV.
    """

    def __init__(self, make: Callable[[], MTCNN], threads: int) -> None:
        self._pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
        try:
            self._call(_load, make, threads)
        except BaseException:
            self._pool.shutdown()
            raise

    def __enter__(self) -> DetectorProcess:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def detect(self, pictures: Sequence[Path]) -> Run:
        """Detect in a list of pictures, which are in memory when the clock starts."""
        return self._call(_detect, pictures)

    def profile(self, picture: Path) -> Profile:
        """Detect in a picture step by step."""
        return self._call(_profile, picture)

    def peak_memory(self) -> int | None:
        """Peak memory above that before the first picture, bytes; None if the system doesn't report it."""
        return self._call(_peak_memory)

    def matrix_rate(self) -> float:
        """See `mtcnn_lit.benchmark.macs.matrix_rate`; with this process's threads, on the detector's device."""
        return self._call(_matrix_rate)

    def _call(self, function: Callable[..., Result], *arguments: Any) -> Result:
        return self._pool.submit(function, *arguments).result()


def _load(make: Callable[[], MTCNN], threads: int) -> None:
    global _detector, _idle
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    _detector = make()
    _idle = idle_memory()


def _detect(pictures: Sequence[Path]) -> Run:
    images = [np.load(picture) for picture in pictures]
    start = time.perf_counter()
    found = _detector.detect(images)
    return Run(time.perf_counter() - start, sum(map(len, found)))


def _profile(picture: Path) -> Profile:
    return profile(_detector.cascade, np.load(picture))


def profile(cascade: Cascade, image: Image) -> Profile:
    """Measure the cost of a picture step by step."""
    height, width, _ = image.shape
    steps, seconds = timed_steps(cascade.steps([image]), cascade.device)
    candidates = {step.name: len(step.found.scores) for step in steps}
    macs = cascade_macs(
        height,
        width,
        candidates["pnet_nms"],
        candidates["rnet"] + 2 * candidates["nms"],  # the second look: as they are and mirrored
        min_face_size=cascade.min_face_size,
        scale_factor=cascade.scale_factor,
    )
    return Profile({step.name: each for step, each in zip(steps, seconds, strict=True)}, candidates, macs)


def _peak_memory() -> int | None:
    return peak_above(_idle)


def _matrix_rate() -> float:
    return matrix_rate(_detector.cascade.device)
