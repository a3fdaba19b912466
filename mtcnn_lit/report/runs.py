"""Compare runs: their differing settings, short names, and best values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mtcnn_lit.report.events import Curve

# With more settings, a name is longer than the folder's name.
_MOST_SETTINGS = 3
_MOST_LETTERS = 20


@dataclass(frozen=True)
class Run:
    """One training run.

    Attributes:
        stage: pnet, rnet or onet; "run" where the run holds no record of its configuration.
        settings: its configuration, values as text by dotted key; empty without a record.
        curves: its scalars by tag.
        finished: whether training was completed.
    """

    folder: Path
    stage: str
    settings: Mapping[str, str]
    curves: Mapping[str, Curve]
    finished: bool


def differing(runs: Sequence[Run]) -> list[str]:
    """The settings that differ between runs or are missing in some, in the order of the configuration.

    Runs without a record are ignored.
    """
    recorded = [run.settings for run in runs if run.settings]
    keys = dict.fromkeys(key for settings in recorded for key in settings)
    groups = list(dict.fromkeys(key.partition(".")[0] for key in keys))
    differ = [key for key in keys if len({settings.get(key) for settings in recorded}) > 1]
    return sorted(differ, key=lambda key: groups.index(key.partition(".")[0]))


def short_names(runs: Sequence[Run]) -> list[str]:
    """A unique name for each run: its stage and the settings that differ within the stage, else its folder."""
    names = [_by_settings(run, differing([other for other in runs if other.stage == run.stage])) for run in runs]
    alike: dict[str, list[Run]] = {}
    for name, run in zip(names, runs, strict=True):
        alike.setdefault(name, []).append(run)
    return [
        name if len(alike[name]) == 1 else f"{name} {_end_of_folder(run, alike[name])}"
        for name, run in zip(names, runs, strict=True)
    ]


def _by_settings(run: Run, differ: Sequence[str]) -> str:
    # Keys below a differing key follow from it: `augment=none` implies `augment.transforms`.
    keys = [key for key in differ if not any(key.startswith(f"{other}.") for other in differ)]
    if len(keys) > _MOST_SETTINGS:
        return run.stage
    shown = (f"{_last_part(key, keys)}={_shortened(run.settings[key])}" for key in keys if key in run.settings)
    return " ".join([run.stage, *shown])


def _last_part(key: str, keys: Sequence[str]) -> str:
    """`lr` for `net.optimizer.lr`: the shortest suffix that no other key has."""
    parts = key.removesuffix("._target_").split(".")
    ends = (".".join(parts[start:]) for start in reversed(range(len(parts))))
    others = [f".{other}" for other in keys if other != key]
    return next((end for end in ends if not any(other.endswith(f".{end}") for other in others)), key)


def _shortened(value: str) -> str:
    """The end of a long value, such as a path, whose end is the most specific part."""
    return value if len(value) <= _MOST_LETTERS else f"…{value[-_MOST_LETTERS:]}"


def _end_of_folder(run: Run, others: Sequence[Run]) -> str:
    """The shortest suffix of the folder's path that the other folders don't share; not just a job's number."""
    parts = run.folder.parts
    for length in range(1, len(parts) + 1):
        end = parts[-length:]
        if "".join(end).isdigit() and length < len(parts):
            continue
        if sum(other.folder.parts[-length:] == end for other in others) == 1:
            return "/".join(end)
    return str(run.folder)


def best_index(tag: str, curve: Curve) -> int | None:
    """The index of a metric's best value, lowest for a loss and highest otherwise; None if all are NaN."""
    values = curve.values if not is_loss(tag) else -curve.values
    return None if np.isnan(values).all() else int(np.nanargmax(values))


def is_loss(tag: str) -> bool:
    """Whether lower is better."""
    return "loss" in tag


def metric_tags(runs: Sequence[Run]) -> list[str]:
    """The tags of training and validation metrics, the main ones first."""
    tags = dict.fromkeys(tag for run in runs for tag in run.curves if tag.startswith(("train/", "val/")))
    first = [tag for tag in ("val/ap", "val/loss", "train/loss") if tag in tags]
    return [*first, *(tag for tag in tags if tag not in first)]
