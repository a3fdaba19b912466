"""The commands: `train` is ``python train.py`` in a checkout and ``mtcnn-train`` where the package is installed.

Likewise the others, with ``python scripts/detect.py`` for `detect`. Each takes its arguments from ``sys.argv`` and
imports only what it needs, when called; importing this module does not load torch.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable

from mtcnn_lit.experiment.stop import end_stopped, stop_on_sigterm

# Read by GNU OpenMP when torch is loaded: idle threads sleep soon, instead of spinning on cores that the loaders of
# patches need.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def _stoppable(command: Callable[[], None]) -> Callable[[], None]:
    """The command, ending in one line on Ctrl-C and SIGTERM even while libraries load, before `run` handles them."""

    @functools.wraps(command)
    def stoppable() -> None:
        try:
            stop_on_sigterm()
            command()
        except KeyboardInterrupt as stop:
            end_stopped(stop)

    return stoppable


@_stoppable
def train() -> None:
    """Train one stage of the cascade: ``net=pnet|rnet|onet``, or all with ``-m net=pnet,rnet,onet``."""
    from mtcnn_lit.experiment.cli import run
    from mtcnn_lit.experiment.fit import fit

    run(fit, "train")


@_stoppable
def detect() -> None:
    """Find faces: ``input=folder input.path=DIR output=json output.path=FILE.jsonl``."""
    from mtcnn_lit.experiment.arguments import plain_list, plain_paths
    from mtcnn_lit.experiment.cli import run
    from mtcnn_lit.experiment.detect import detect

    sys.argv[1:] = plain_paths(plain_list(sys.argv[1:], "output"))
    run(detect, "detect")


@_stoppable
def evaluate() -> None:
    """Measure the cascade on a source's test split: ``source=widerface source.root=DIR``."""
    from mtcnn_lit.experiment.arguments import plain_list
    from mtcnn_lit.experiment.cli import run
    from mtcnn_lit.experiment.evaluate import evaluate

    sys.argv[1:] = plain_list(sys.argv[1:], "recall")
    run(evaluate, "evaluate")


@_stoppable
def compare() -> None:
    """Draw curves and figures of runs beside each other: ``runs=outputs/train,outputs/sweeps``."""
    from mtcnn_lit.experiment.arguments import plain_list
    from mtcnn_lit.experiment.cli import run
    from mtcnn_lit.experiment.compare import compare

    sys.argv[1:] = plain_list(sys.argv[1:], "runs")
    run(compare, "compare")


@_stoppable
def export() -> None:
    """Write the networks as ONNX files: ``export.path=FOLDER``."""
    from mtcnn_lit.experiment.cli import run
    from mtcnn_lit.experiment.export import export

    run(export, "export")


@_stoppable
def benchmark() -> None:
    """Measure how fast detection, training and mining are here: ``images=PICTURES``."""
    from mtcnn_lit.experiment.benchmark import benchmark
    from mtcnn_lit.experiment.cli import run

    run(benchmark, "benchmark")
