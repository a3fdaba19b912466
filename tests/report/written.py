"""Small runs written by hand: event files and the record of the configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

Scalars = Mapping[str, Mapping[int, float]]


def write_events(folder: Path, scalars: Scalars, suffix: str = "") -> Path:
    """One more event file in a run's folder, with values by step by tag; its path. Later suffixes sort later."""
    before = set(folder.glob("*tfevents*"))
    with SummaryWriter(str(folder), filename_suffix=suffix) as writer:
        for tag, values in scalars.items():
            for step, value in values.items():
                writer.add_scalar(tag, value, step)
    (path,) = set(folder.glob("*tfevents*")) - before
    return path


def write_record(folder: Path, config: str, choices: str = "{net: pnet}") -> None:
    """`.hydra` of a run: its configuration as YAML, and the options chosen."""
    record = folder / ".hydra"
    record.mkdir(parents=True, exist_ok=True)
    (record / "config.yaml").write_text(config, encoding="utf-8")
    (record / "hydra.yaml").write_text(f"hydra: {{runtime: {{choices: {choices}}}}}\n", encoding="utf-8")


def epochs(*values: float, steps: int = 10) -> dict[int, float]:
    """Values at the last steps of the epochs, by step."""
    return {steps * (index + 1) - 1: value for index, value in enumerate(values)}
