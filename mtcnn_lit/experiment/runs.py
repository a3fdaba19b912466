"""Find runs and their checkpoints: finished ones, one to resume, and the networks for the next stage."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mtcnn_lit.experiment.installation import command
from mtcnn_lit.nets import Net, WeightsError, load_net, nets_before, short_digest, weights_digest

log = logging.getLogger(__name__)

SUMMARY = "summary.json"
EVALUATION = "evaluation"  # folder of the evaluation at the end, and its name in TensorBoard
BEST = Path("checkpoints") / "best.ckpt"  # as `mtcnn_lit.nets.weights` finds it in a run's folder
LAST = Path("checkpoints") / "last.ckpt"


def run_folders(output_dir: Path) -> Iterator[Path]:
    """Folders of all training runs, newest first, including sweeps and this multirun's jobs wherever they are."""
    configs = {path for place in [*_places(output_dir), *_multirun_folder()] for path in _records(place)}
    yield from (path.parent for path in sorted(configs, key=lambda path: path.stat().st_mtime_ns, reverse=True))


def is_discoverable(run: Path, output_dir: Path) -> bool:
    """Whether later commands find the run in this folder."""
    below = any(run.resolve().is_relative_to(place.resolve()) for place in _places(output_dir))
    return below and (run / ".hydra").is_dir()


def _places(output_dir: Path) -> list[Path]:
    """The default folders of runs."""
    return [output_dir / "train", output_dir / "sweeps"]


def _multirun_folder() -> list[Path]:
    """The folder of this multirun's jobs, which may be outside of the output folder; empty outside of a multirun."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return []
    return [Path(HydraConfig.get().sweep.dir)]


def _records(place: Path) -> Iterator[Path]:
    """Hydra's folders in the runs at any depth below a place."""
    yield from place.rglob(".hydra")
    yield from place.glob("*/*/.hydra")  # below links, which `rglob` does not follow


def read_summary(run: Path) -> dict[str, Any] | None:
    """The summary of a finished run; None if it is not finished, or without stage and time."""
    try:
        summary = json.loads((run / SUMMARY).read_text())
    except (OSError, ValueError):
        return None
    is_told = isinstance(summary, dict) and isinstance(summary.get("stage"), str)
    return summary if is_told and isinstance(summary.get("finished"), int | float) else None


def latest_run(output_dir: Path, stage: str, key: str) -> Path:
    """The folder of the newest finished run of a stage.

    Args:
        key: the setting that names another run, for the error.

    Raises:
        WeightsError: when there is none; the message gives the command to train one.
    """
    runs = [(summary["finished"], run) for run, summary in _finished(output_dir) if summary["stage"] == stage]
    if not runs:
        raise WeightsError(
            f"no finished {stage} run below {output_dir}: train one with '{command('train')} net={stage}', "
            f"or name a checkpoint with {key}=PATH"
        )
    return max(runs)[1]


def has_finished_run(output_dir: Path, stages: Sequence[str]) -> bool:
    """Whether any of these stages has a finished run."""
    return any(summary["stage"] in stages for _, summary in _finished(output_dir))


def _finished(output_dir: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folder and summary of each finished run, newest first."""
    for run in run_folders(output_dir):
        if summary := read_summary(run):
            yield run, summary


def mismatched_upstream(runs: Mapping[str, str | Path]) -> dict[str, str]:
    """Networks trained on patches mined by other weights than those now before them, each with that earlier network.

    Args:
        runs: by the network's name; paths that are no finished run's folder are ignored.
    """
    summaries = {name: summary for name, run in runs.items() if (summary := read_summary(Path(run)))}
    return {
        name: before
        for name, summary in summaries.items()
        for before, digest in summary.get("upstream", {}).items()
        if before in summaries and summaries[before].get("weights") != digest
    }


def warn_of_mismatched_upstream(runs: Mapping[str, str | Path]) -> None:
    """Log what `mismatched_upstream` finds."""
    for name, before in mismatched_upstream(runs).items():
        log.warning(
            "%s was trained on patches mined by a different %s: retrain it or choose matching runs", name, before
        )


def upstream_paths(stage: str, chosen: Mapping[str, str | None], output_dir: Path) -> dict[str, str | Path]:
    """Paths of the trained networks before ``stage``, by name, in the order of the cascade.

    Args:
        chosen: for each of them a checkpoint, a run's folder, or None for the newest finished run.

    Raises:
        WeightsError: when one is not chosen and has no finished run.
    """
    return {name: chosen[name] or latest_run(output_dir, name, f"upstream.{name}") for name in nets_before(stage)}


def upstream_nets(paths: Mapping[str, str | Path]) -> dict[str, Net]:
    """Load the networks at these paths, by name.

    Raises:
        WeightsError: when one is missing or unusable.
    """
    nets = {}
    for name, path in paths.items():
        nets[name] = load_net(path, name)
        log.info("upstream %s: %s (weights %s)", name, path, short_digest(weights_digest(nets[name])))
    return nets


def trained_net(stage: str, chosen: str | None, output_dir: Path, key: str) -> Net | None:
    """The network of ``stage`` from the run or checkpoint ``chosen``, or from the `newest` run; None if None.

    Args:
        key: the setting that chose it.

    Raises:
        WeightsError: when it is missing or unusable.
    """
    if chosen is None:
        return None
    path = latest_run(output_dir, stage, key) if chosen == "newest" else Path(chosen)
    net = load_net(path, stage)
    log.info("%s %s: %s (weights %s)", key.split(".")[-1], stage, path, short_digest(weights_digest(net)))
    return net


def last_run(output_dir: Path, run: Path) -> Path | None:
    """The run that ``run`` resumes: the newest run of the same command with a checkpoint; None without one.

    The same command means the same overrides, except ``ckpt_path`` and Hydra's own. If the run's own folder has a
    checkpoint (set by ``hydra.run.dir``), it is that one.
    """
    if (run / LAST).is_file():
        return run
    if (wanted := _overrides(run)) is None:
        return None
    others = (other for other in run_folders(output_dir) if other.resolve() != run.resolve())
    return next((other for other in others if (other / LAST).is_file() and _overrides(other) == wanted), None)


def _overrides(run: Path) -> list[str] | None:
    """The overrides that identify a command, sorted; None without a readable record."""
    try:  # unresolved: only the run itself can resolve interpolations
        overrides = OmegaConf.to_container(OmegaConf.load(run / ".hydra" / "overrides.yaml"), resolve=False)
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return None
    if not isinstance(overrides, list):
        return None
    return sorted(str(text) for text in overrides if not str(text).startswith(("ckpt_path=", "hydra.", "hydra/")))
