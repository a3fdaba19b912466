"""A separate folder for each run, and for each job of a sweep."""

from __future__ import annotations

import functools
import itertools
import sys
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

_PRINTING = ("--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help")


@functools.cache  # Hydra resolves it repeatedly in one process, for the same run
def new_folder(path: str) -> str:
    """Create the folder, appending ``-2``, ``-3``, … if it exists, and return its path.

    So runs that start in the same second have separate folders. If it can't be created, return the path unchanged and
    let the first write fail. Nothing is created when Hydra only prints a configuration.
    """
    if any(word.partition("=")[0] in _PRINTING for word in sys.argv[1:]):
        return path
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return next(name for name in _names(path) if _is_made(Path(name)))
    except OSError:
        return path


def sweep_job() -> str | None:
    """The folder of this job of a sweep; None outside a sweep."""
    job = HydraConfig.get() if HydraConfig.initialized() else None
    return job.runtime.output_dir if job and job.mode == RunMode.MULTIRUN else None


def job_dir(otherwise: str) -> str:
    """The folder of this job of a sweep; ``otherwise`` outside a sweep."""
    return sweep_job() or otherwise


def _names(path: str) -> itertools.chain[str]:
    return itertools.chain([path], (f"{path}-{number}" for number in itertools.count(2)))


def _is_made(folder: Path) -> bool:
    """Whether the folder was created by this call; among several processes only one creates it."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True
