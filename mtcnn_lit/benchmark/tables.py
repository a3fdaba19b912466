"""Results as tables for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mtcnn_lit.benchmark.detection import Comparison, Measurement
from mtcnn_lit.ledger import STEP_TITLES
from mtcnn_lit.report.text import NOTHING, columns


@dataclass(frozen=True)
class Bar:
    """A measurement compared with a baseline, and the limit of their ratio.

    Attributes:
        name: what is compared with what.
        seconds, plain_seconds: medians.
        ratio: the median over the rounds.
        limit: of the ratio.
    """

    name: str
    seconds: float
    plain_seconds: float
    ratio: float
    limit: float


def speed_table(measurements: Sequence[Measurement]) -> str:
    """Time, memory and arithmetic of a picture, a line for each set, number of threads and batch size."""
    head = [
        "pictures",
        "threads",
        "batch",
        "images",
        "MP",
        "ms/image",
        "ms/MP",
        "faces",
        "peak MB",
        "GMAC",
        "of matmul",
    ]
    rows = [
        [
            each.pictures,
            str(each.threads),
            str(each.batch_size),
            str(each.images),
            f"{each.megapixels:.2f}",
            f"{each.ms:.1f}",
            f"{each.ms_per_megapixel:.1f}",
            f"{each.faces:.1f}",
            NOTHING if each.peak_memory is None else f"{each.peak_memory / 1e6:.0f}",
            f"{each.macs / 1e9:.3f}",
            f"{each.of_matrix_rate:.0%}",
        ]
        for each in measurements
    ]
    return columns([head, *rows], align=">")


def steps_table(measurements: Sequence[Measurement]) -> str:
    """The share of the time of each step and the candidates that it passes on, one picture at a time."""
    singles = [each for each in measurements if each.batch_size == 1]
    head = ["pictures", "threads", *(STEP_TITLES[name] for name in singles[0].step_ms)]
    rows = [[each.pictures, str(each.threads), *_step_cells(each)] for each in singles]
    return columns([head, *rows], align=">")


def _step_cells(each: Measurement) -> list[str]:
    whole = sum(each.step_ms.values())
    return [f"{ms / whole:.0%} {each.candidates[name]:8.1f}" for name, ms in each.step_ms.items()]


def comparison_table(comparisons: Sequence[Comparison]) -> str:
    """Both detectors' times, and the speed-up picture by picture."""
    head = ["pictures", "threads", "images", "ms/image", "peer's", "faces", "peer's", "times as fast", "quartiles"]
    rows = [
        [
            each.pictures,
            str(each.threads),
            str(each.images),
            f"{each.ms:.1f}",
            f"{each.peer_ms:.1f}",
            f"{each.faces:.1f}",
            f"{each.peer_faces:.1f}",
            f"{each.quartiles.median:.2f}",
            f"{each.quartiles.lower:.2f} to {each.quartiles.upper:.2f}",
        ]
        for each in comparisons
    ]
    return columns([head, *rows], align=">")


def bars_table(bars: Sequence[Bar]) -> str:
    """Each measurement, its baseline and their ratio."""
    head = ["", "seconds", "plain", "ratio", "bar", ""]
    rows = [
        [
            bar.name,
            f"{bar.seconds:.2f}",
            f"{bar.plain_seconds:.2f}",
            f"{bar.ratio:.2f}",
            f"{bar.limit:g}",
            "within" if bar.ratio <= bar.limit else "above",
        ]
        for bar in bars
    ]
    return columns([head, *rows], align=">")


def as_plain(results: Sequence[Any]) -> list[dict[str, Any]]:
    """Dataclasses as dictionaries of plain values."""
    return [asdict(result) for result in results]
