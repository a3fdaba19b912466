"""Runs beside each other: what sets them apart, what they are called for short, and how good they got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtcnn_lit.report.events import Curve

# A name with more settings than that is longer than the name of the folder.
_MOST_SETTINGS = 3
_MOST_LETTERS = 20


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        stage: pnet, rnet or onet; "run" where the run holds no record of its configuration.
        settings: its configuration, values as text by dotted key; empty without a record.
        curves: its scalars by tag.
        finished: whether it came to its end.
    """

    folder: Path
    stage: str
    settings: Mapping[str, str]
    curves: Mapping[str, Curve]
    finished: bool


def differing(runs: Sequence[Run]) -> list[str]:
    """The settings that are not the same in all runs, or that some don't have, in the order of the configuration.

    Runs without a record say nothing about settings, and are left out.
    """
    recorded = [run.settings for run in runs if run.settings]
    keys = dict.fromkeys(key for settings in recorded for key in settings)
    groups = list(dict.fromkeys(key.partition(".")[0] for key in keys))
    differ = [key for key in keys if len({settings.get(key) for settings in recorded}) > 1]
    return sorted(differ, key=lambda key: groups.index(key.partition(".")[0]))


def short_names(runs: Sequence[Run]) -> list[str]:
    """A name for each run, all different: its stage, what sets it apart from others of its stage, else its folder."""
    names = [_by_settings(run, differing([other for other in runs if other.stage == run.stage])) for run in runs]
    alike: dict[str, list[Run]] = {}
    for name, run in zip(names, runs, strict=True):
        alike.setdefault(name, []).append(run)
    return [
        name if len(alike[name]) == 1 else f"{name} {_end_of_folder(run, alike[name])}"
        for name, run in zip(names, runs, strict=True)
    ]


def _by_settings(run: Run, differ: Sequence[str]) -> str:
    # What lies below a key that differs follows from it: `augment=none` says all about `augment.transforms`.
    keys = [key for key in differ if not any(key.startswith(f"{other}.") for other in differ)]
    if len(keys) > _MOST_SETTINGS:
        return run.stage
    shown = (f"{_last_part(key, keys)}={_shortened(run.settings[key])}" for key in keys if key in run.settings)
    return " ".join([run.stage, *shown])


def _last_part(key: str, keys: Sequence[str]) -> str:
    """`lr` for `net.optimizer.lr`, or as much of the key as no other of them ends with."""
    parts = key.removesuffix("._target_").split(".")
    ends = (".".join(parts[start:]) for start in reversed(range(len(parts))))
    others = [f".{other}" for other in keys if other != key]
    return next((end for end in ends if not any(other.endswith(f".{end}") for other in others)), key)


def _shortened(value: str) -> str:
    """Of something long, as paths are, the end: it tells more than the beginning."""
    return value if len(value) <= _MOST_LETTERS else f"…{value[-_MOST_LETTERS:]}"


def _end_of_folder(run: Run, others: Sequence[Run]) -> str:
    """As much of the end of the folder's name as the other folders don't share; more than the bare number of a job."""
    parts = run.folder.parts
    for length in range(1, len(parts) + 1):
        end = parts[-length:]
        if "".join(end).isdigit() and length < len(parts):
            continue
        if sum(other.folder.parts[-length:] == end for other in others) == 1:
            return "/".join(end)
    return str(run.folder)


def best_index(tag: str, curve: Curve) -> int | None:
    """Where a metric was best, a loss at its lowest and all others at their highest; None where it was always NaN."""
    values = curve.values if not is_loss(tag) else -curve.values
    return None if np.isnan(values).all() else int(np.nanargmax(values))


def is_loss(tag: str) -> bool:
    """Whether lower is better."""
    return "loss" in tag


def metric_tags(runs: Sequence[Run]) -> list[str]:
    """What was measured on training and validation patches and pictures, most telling first."""
    tags = dict.fromkeys(tag for run in runs for tag in run.curves if tag.startswith(("train/", "val/")))
    first = [tag for tag in ("val/ap", "val/loss", "train/loss") if tag in tags]
    return [*first, *(tag for tag in tags if tag not in first)]
