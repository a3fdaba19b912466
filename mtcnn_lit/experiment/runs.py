"""Runs and their checkpoints: which run is finished, which can go on, and the hand-over to the next stage."""

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
EVALUATION = "evaluation"  # where the one at the end lands, in TensorBoard too
LAST = Path("checkpoints") / "last.ckpt"


def run_folders(output_dir: Path) -> Iterator[Path]:
    """Folders of all training runs, newest first: those of sweeps included, of this multirun wherever they are."""
    configs = {path for place in [*_places(output_dir), *_multirun_folder()] for path in _records(place)}
    yield from (path.parent for path in sorted(configs, key=lambda path: path.stat().st_mtime_ns, reverse=True))


def is_discoverable(run: Path, output_dir: Path) -> bool:
    """Whether any later command finds a run that lies there."""
    below = any(run.resolve().is_relative_to(place.resolve()) for place in _places(output_dir))
    return below and (run / ".hydra").is_dir()


def _places(output_dir: Path) -> list[Path]:
    """Where runs lie by default."""
    return [output_dir / "train", output_dir / "sweeps"]


def _multirun_folder() -> list[Path]:
    """Where this multirun's jobs write, which may be outside of the output folder; none outside of a multirun."""
    if not HydraConfig.initialized() or HydraConfig.get().mode != RunMode.MULTIRUN:
        return []
    return [Path(HydraConfig.get().sweep.dir)]


def _records(place: Path) -> Iterator[Path]:
    """Hydra's folders in the runs at any depth below a place."""
    yield from place.rglob(".hydra")
    yield from place.glob("*/*/.hydra")  # what a link leads to: `rglob` follows none, since they may go in circles


def read_summary(run: Path) -> dict[str, Any] | None:
    """What a run says of itself when it is finished; None when it isn't, or does not say of which stage and when."""
    try:
        summary = json.loads((run / SUMMARY).read_text())
    except (OSError, ValueError):
        return None
    is_told = isinstance(summary, dict) and isinstance(summary.get("stage"), str)
    return summary if is_told and isinstance(summary.get("finished"), int | float) else None


def latest_run(output_dir: Path, stage: str, key: str) -> Path:
    """The folder of the newest finished run of a stage.

    Args:
        key: the setting that would name another one, for the error.

    Raises:
        WeightsError: when there is none; the message says which command makes one.
    """
    runs = [(summary["finished"], run) for run, summary in _finished(output_dir) if summary["stage"] == stage]
    if not runs:
        raise WeightsError(
            f"no finished {stage} run below {output_dir}: train one with '{command('train')} net={stage}', "
            f"or name a checkpoint with {key}=PATH"
        )
    return max(runs)[1]


def has_finished_run(output_dir: Path, stages: Sequence[str]) -> bool:
    """Whether any of these stages was trained to its end."""
    return any(summary["stage"] in stages for _, summary in _finished(output_dir))


def _finished(output_dir: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Folder and summary of each finished run, newest first; what else is called so is passed over."""
    for run in run_folders(output_dir):
        if summary := read_summary(run):
            yield run, summary


def mismatched_upstream(runs: Mapping[str, str | Path]) -> dict[str, str]:
    """For each network whose run learned behind other weights of an earlier one than that one's run has: that one.

    Args:
        runs: by the network's name; what is no finished run's folder says nothing.
    """
    summaries = {name: summary for name, run in runs.items() if (summary := read_summary(Path(run)))}
    return {
        name: before
        for name, summary in summaries.items()
        for before, digest in summary.get("upstream", {}).items()
        if before in summaries and summaries[before].get("weights") != digest
    }


def upstream_paths(stage: str, chosen: Mapping[str, str | None], output_dir: Path) -> dict[str, str | Path]:
    """Where the trained networks before ``stage`` lie, by name, in the order of the cascade.

    Args:
        chosen: for each of them a checkpoint, a run's folder, or None for the newest finished run.

    Raises:
        WeightsError: when there is no finished run of one that is not chosen.
    """
    return {name: chosen[name] or latest_run(output_dir, name, f"upstream.{name}") for name in nets_before(stage)}


def upstream_nets(paths: Mapping[str, str | Path]) -> dict[str, Net]:
    """The networks that lie there, by name.

    Raises:
        WeightsError: when one is missing or unusable.
    """
    nets = {}
    for name, path in paths.items():
        nets[name] = load_net(path, name)
        log.info("upstream %s: %s (weights %s)", name, path, short_digest(weights_digest(nets[name])))
    return nets


def trained_net(stage: str, chosen: str | None, output_dir: Path, key: str) -> Net | None:
    """The network of ``stage`` as an earlier run left it: of the run or checkpoint ``chosen``, or of the `newest` run.

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
    """What ``run`` goes on with: the newest run of the same command that has a checkpoint; None without one.

    The same command means the same overrides, but for ``ckpt_path`` and Hydra's own. A folder that holds a checkpoint
    already was named by ``hydra.run.dir``: then it is that one.
    """
    if (run / LAST).is_file():
        return run
    if (wanted := _overrides(run)) is None:
        return None
    others = (other for other in run_folders(output_dir) if other.resolve() != run.resolve())
    return next((other for other in others if (other / LAST).is_file() and _overrides(other) == wanted), None)


def _overrides(run: Path) -> list[str] | None:
    """What makes a command the same as another, in order; None without a record that can be read."""
    try:  # as they were written: what an interpolation stands for is known to the run alone
        overrides = OmegaConf.to_container(OmegaConf.load(run / ".hydra" / "overrides.yaml"), resolve=False)
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        return None
    if not isinstance(overrides, list):
        return None
    return sorted(str(text) for text in overrides if not str(text).startswith(("ckpt_path=", "hydra.", "hydra/")))
