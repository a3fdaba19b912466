"""The speed of a detector on sets of pictures, alone and compared with another one."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mtcnn_lit.benchmark.peer import Peer
from mtcnn_lit.benchmark.picture_set import PictureSet
from mtcnn_lit.benchmark.process import DetectorProcess, Profile, Run
from mtcnn_lit.benchmark.timing import Quartiles, Rounds, in_rounds, medians, pair_ratios
from mtcnn_lit.cascade import StepName
from mtcnn_lit.mtcnn import MTCNN


@dataclass(frozen=True)
class Measurement:
    """The cost of a picture, on average over a set.

    Attributes:
        pictures: the set's name.
        megapixels: of a picture.
        ms: milliseconds, the median over the rounds of each batch.
        ms_per_megapixel: the same per megapixel.
        faces: found.
        peak_memory: bytes above the idle process; None if the system doesn't report it.
        macs: multiply-accumulates of the networks.
        matrix_rate: multiply-accumulates a second of a large matrix product with these threads.
        step_ms, candidates: milliseconds of each step, and candidates that it passes on, one picture at a time.
    """

    pictures: str
    threads: int
    batch_size: int
    images: int
    megapixels: float
    ms: float
    ms_per_megapixel: float
    faces: float
    peak_memory: int | None
    macs: float
    matrix_rate: float
    step_ms: dict[StepName, float]
    candidates: dict[StepName, float]

    @property
    def of_matrix_rate(self) -> float:
        """Multiply-accumulates a second of the networks, as a share of the machine's matrix rate."""
        return self.macs / (self.ms / 1e3) / self.matrix_rate


@dataclass(frozen=True)
class Comparison:
    """Two detectors on the same pictures, one picture at a time, taking turns.

    Attributes:
        pictures: the set's name.
        ms, peer_ms: milliseconds of a picture.
        faces, peer_faces: found in a picture.
        ratios: for each picture, how many times as long the peer takes.
        quartiles: of these.
    """

    pictures: str
    threads: int
    images: int
    ms: float
    peer_ms: float
    faces: float
    peer_faces: float
    ratios: list[float]
    quartiles: Quartiles


@dataclass(frozen=True)
class Plan:
    """How to measure.

    Attributes:
        make: makes the detector, in the process that is measured.
        make_peer: starts the detector to compare with, with a number of threads; or None.
        warmup: rounds over the pictures that are not kept.
        repeats: rounds that are.
    """

    make: Callable[[], MTCNN]
    make_peer: Callable[[int], Peer] | None
    warmup: int
    repeats: int


class _Found:
    """Times a detector on one batch, and stores the number of faces found."""

    def __init__(self, detect: Callable[[], Run]) -> None:
        self._detect = detect
        self.faces = 0

    def __call__(self) -> float:
        seconds, self.faces = self._detect()
        return seconds


def measure(pictures: PictureSet, threads: int, plan: Plan) -> tuple[list[Measurement], Comparison | None]:
    """Measure a detector on a set, each batch size in a fresh process, so that memory is measured separately.

    Raises:
        mtcnn_lit.benchmark.peer.PeerError: when the other detector can't be run.
    """
    measured, comparison = [], None
    for size in pictures.batch_sizes:
        peers = plan.make_peer if pictures.with_peer and size == 1 else None
        with DetectorProcess(plan.make, threads) as ours, nullcontext() if peers is None else peers(threads) as peer:
            (mine, *others), faces = _timed(ours, peer, pictures.files, size, plan)
            peak = ours.peak_memory()  # before profiling, which needs more memory
            profiles = [ours.profile(file) for file in pictures.files]
            measured.append(_measurement(pictures, threads, size, mine, faces[0], peak, ours.matrix_rate(), profiles))
        if others:
            comparison = _comparison(pictures, threads, mine, others[0], faces)
    return measured, comparison


def _timed(
    ours: DetectorProcess, peer: Peer | None, files: Sequence[Path], batch_size: int, plan: Plan
) -> tuple[list[Rounds], list[int]]:
    """For each detector the seconds of each round and batch, and the faces that it found in all pictures."""
    batches = [files[start : start + batch_size] for start in range(0, len(files), batch_size)]
    runs = [[_Found(partial(ours.detect, batch)) for batch in batches]]
    if peer is not None:
        runs.append([_Found(partial(peer.detect, file)) for file in files])
    rounds = in_rounds(runs, warmup=plan.warmup, repeats=plan.repeats)
    return rounds, [sum(run.faces for run in each) for each in runs]


def _measurement(
    pictures: PictureSet,
    threads: int,
    batch_size: int,
    rounds: Rounds,
    faces: int,
    peak: int | None,
    matrix_rate: float,
    profiles: Sequence[Profile],
) -> Measurement:
    images, seconds = len(pictures.files), sum(medians(rounds))
    names = profiles[0].seconds
    return Measurement(
        pictures=pictures.name,
        threads=threads,
        batch_size=batch_size,
        images=images,
        megapixels=pictures.megapixels / images,
        ms=1e3 * seconds / images,
        ms_per_megapixel=1e3 * seconds / pictures.megapixels,
        faces=faces / images,
        peak_memory=peak,
        macs=statistics.fmean(profile.macs for profile in profiles),
        matrix_rate=matrix_rate,
        step_ms={name: 1e3 * statistics.fmean(profile.seconds[name] for profile in profiles) for name in names},
        candidates={name: statistics.fmean(profile.candidates[name] for profile in profiles) for name in names},
    )


def _comparison(
    pictures: PictureSet, threads: int, rounds: Rounds, peer_rounds: Rounds, faces: Sequence[int]
) -> Comparison:
    ratios = pair_ratios(peer_rounds, rounds)
    images = len(ratios)
    ms, peer_ms = (1e3 * sum(medians(each)) / images for each in (rounds, peer_rounds))
    return Comparison(
        pictures.name,
        threads,
        images,
        ms,
        peer_ms,
        faces[0] / images,
        faces[1] / images,
        ratios,
        Quartiles.of(ratios),
    )
