"""Reading runs back: the scalars of their TensorBoard event files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tensorboard.backend.event_processing.event_accumulator import (
    AUDIO,
    COMPRESSED_HISTOGRAMS,
    HISTOGRAMS,
    IMAGES,
    SCALARS,
    TENSORS,
    EventAccumulator,
)

_PATTERN = "*tfevents*"
# How many values of each kind are kept: 0 keeps all. Only scalars are used, and pictures would fill the memory.
_KEPT = {SCALARS: 0, IMAGES: 1, AUDIO: 1, HISTOGRAMS: 1, COMPRESSED_HISTOGRAMS: 1, TENSORS: 1}
# The scalar in which Lightning's logger stores a step's epoch, from 0.
_EPOCH = "epoch"


@dataclass(frozen=True)
class Curve:
    """One scalar over a run.

    Attributes:
        steps: (N,) int64, ascending, each once; N > 0.
        values: (N,) float64, may have NaN.
        epochs: (N,) float64, epochs trained by the end of each step; None if not logged.
    """

    steps: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    epochs: npt.NDArray[np.float64] | None = None


def find_runs(folder: Path) -> list[Path]:
    """The folders with event files at and below a folder, in natural order: job 10 of a sweep after job 2."""
    return sorted({path.parent for path in folder.rglob(_PATTERN) if path.is_file()}, key=_natural)


def read_curves(run: Path) -> dict[str, Curve]:
    """The scalars in the event files of a run's folder, by tag, in the order in which they first appear.

    A truncated file is read up to its last whole record. A resumed run has several files: where they overlap, the later
    one counts.

    Raises:
        OSError: when a file can't be read.
    """
    merged: dict[str, dict[int, float]] = {}
    for path in sorted((path for path in run.glob(_PATTERN) if path.is_file()), key=_natural):
        # No purging: it would drop values logged before a repeated step, and merging handles these.
        events = EventAccumulator(str(path), size_guidance=_KEPT, purge_orphaned_data=False).Reload()
        for tag in events.Tags()[SCALARS]:
            merged.setdefault(tag, {}).update((event.step, event.value) for event in events.Scalars(tag))
    ends = _epoch_ends(merged.pop(_EPOCH, {}))
    return {tag: _curve(values, ends) for tag, values in merged.items() if values}


def _natural(path: Path) -> list[str | int]:
    """Sort key with numbers in names by value. Text and numbers alternate, so that only like types are compared."""
    return [int(part) if index % 2 else part for index, part in enumerate(re.split(r"(\d+)", str(path)))]


def _epoch_ends(logged: Mapping[int, float]) -> list[tuple[int, float]]:
    """Pairs of steps and epochs trained, at the start and at the end of each epoch; empty without epochs."""
    last_steps = {epoch: step for step, epoch in sorted(logged.items())}
    ends = sorted((step + 1, epoch + 1) for epoch, step in last_steps.items())
    return [(0, 0.0), *ends] if ends else []


def _curve(values: Mapping[int, float], ends: list[tuple[int, float]]) -> Curve:
    steps = np.array(sorted(values), dtype=np.int64)
    epochs = _epochs_trained(steps, ends) if ends else None
    return Curve(steps, np.array([values[step] for step in steps.tolist()], dtype=np.float64), epochs)


def _epochs_trained(steps: npt.NDArray[np.int64], ends: Iterable[tuple[int, float]]) -> npt.NDArray[np.float64]:
    """Epochs trained by the end of each step, interpolated between the ends of epochs and extrapolated beyond."""
    trained, epochs = (np.array(column, dtype=np.float64) for column in zip(*ends, strict=True))
    done = steps + 1.0
    pace = (epochs[-1] - epochs[-2]) / (trained[-1] - trained[-2])
    beyond = np.maximum(done - trained[-1], 0) * pace
    return np.asarray(np.interp(done, trained, epochs) + beyond, dtype=np.float64)
