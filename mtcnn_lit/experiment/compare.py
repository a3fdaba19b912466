"""Compare the curves and figures of several training runs."""

from __future__ import annotations

import logging
from pathlib import Path

from omegaconf import DictConfig
from tqdm import tqdm

from mtcnn_lit.experiment.check import ConfigError, check_config
from mtcnn_lit.experiment.installation import command
from mtcnn_lit.experiment.record import read_settings, with_weights
from mtcnn_lit.experiment.runs import read_summary
from mtcnn_lit.files import write_atomically
from mtcnn_lit.report.comparison import comparison_page, summary
from mtcnn_lit.report.curves import draw_curves
from mtcnn_lit.report.events import find_runs, read_curves
from mtcnn_lit.report.runs import Run, metric_tags, short_names
from mtcnn_lit.report.style import styled, to_png

log = logging.getLogger(__name__)


def compare(config: DictConfig) -> None:
    """Draw the curves of the runs into `curves.png`, and write `compare.html` with them and tables.

    Raises:
        ConfigError: when there is no run at or below a given folder.
    """
    check_config(config)
    runs = [run for run in map(_read_run, tqdm(_chosen(config), desc="reading", unit="run", leave=False)) if run]
    if not runs:
        raise ConfigError("runs: none of these runs has metrics yet, so there is nothing to draw: train on")
    names = short_names(runs)
    with styled():
        png = to_png(draw_curves({name: run.curves for name, run in zip(names, runs, strict=True)}))
    folder = Path(config.paths.run_dir)
    write_atomically(folder / "curves.png", png)
    write_atomically(folder / "compare.html", comparison_page(runs, names, png))
    log.info("%s\n  curves  %s", summary(runs, names), folder / "curves.png")
    log.info("  page    %s", folder / "compare.html")


def _chosen(config: DictConfig) -> list[Path]:
    """The folders of the runs to compare, in the given order, each once."""
    named = [Path(name).expanduser() for name in config.runs]
    output = Path(config.paths.output_dir)
    found: dict[Path, Path] = {}
    for folder in named or [output / "train", output / "sweeps"]:
        if named and not folder.is_dir():
            raise ConfigError(f"{folder}: no such folder; set runs to folders of runs, or with runs below them")
        runs = find_runs(folder)
        if named and not runs:
            raise ConfigError(f"{folder}: no training run there, nor below it (nothing with TensorBoard event files)")
        for run in runs:
            found.setdefault(run.resolve(), run)
    if not found:
        raise ConfigError(f"no training run below {output}: train one with '{command('train')}', or set runs=FOLDER")
    return list(found.values())


def _read_run(folder: Path) -> Run | None:
    """Read a run from its folder; None, with a log line, if it has no metrics yet."""
    try:
        curves = read_curves(folder)
    except OSError as error:
        raise ConfigError(f"can't read the events of {folder}: {error.strerror or error}") from error
    settings, summary = read_settings(folder), read_summary(folder)
    if settings:  # without a record there are no settings
        told = summary or {}
        settings = with_weights(settings, told.get("upstream", {}), told.get("init_from"))
    run = Run(folder, settings.get("stage", "run"), settings, curves, finished=summary is not None)
    if not metric_tags([run]):
        log.info("%s: no curves yet, left out", folder)
        return None
    return run
