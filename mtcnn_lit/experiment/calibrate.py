"""Choose a cascade's thresholds by recall: print the trade-off and write a detector configuration."""

from __future__ import annotations

import logging
import math
import re
import shlex
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.errors import Incomplete, check_counts
from mtcnn_lit.experiment.arguments import setting
from mtcnn_lit.experiment.build import build_source, errors_named
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.detect import build_detector
from mtcnn_lit.experiment.installation import command
from mtcnn_lit.experiment.next_command import same_output_dir
from mtcnn_lit.files import write_atomically
from mtcnn_lit.mining.recall import RecallCurve, recall_curve
from mtcnn_lit.nets import NETS
from mtcnn_lit.sources.base import Source

log = logging.getLogger(__name__)

# Recalls that the table shows besides the chosen one.
_SHOWN = (0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99)

# Lowest threshold measured: below it a network has not learned to detect faces.
_LOWEST = 0.02

# A name that needs no quotes on a command line and is no path.
_NAME = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)

# First line of the files written here; other files are not overwritten.
_MARK = "# Thresholds calibrated by recall"


def calibrate(config: DictConfig) -> None:
    """Choose each network's threshold for its recall in ``config.recall``, the earlier networks at theirs.

    Measured on the `val` split, which for WIDER FACE is cut from the training pictures. Networks without a recall keep
    the detector's thresholds. Writes ``configs/detector/<calibration>.yaml``.

    Raises:
        ConfigError: when a setting is invalid, or the file can't be written or was not written by a calibration.
        SourceError: when there is no face in the split.
        Incomplete: at the end, when an image could not be read.
    """
    _check_settings(config)
    recalls = [float(recall) for recall in config.recall]
    if not 1 <= len(recalls) <= len(NETS) or not all(0 < recall <= 1 for recall in recalls):
        raise ConfigError(f"recall: one to three shares above 0 and up to 1 are needed, not {list(config.recall)}")
    path = config_file(config.calibration, _configs() / "detector")
    source = build_source(config, "val")
    source.check_faces()
    cascade = build_detector(config).cascade
    workers = config.workers if cascade.device.type == "cpu" else 0  # worker processes can't use the GPU
    curves, cascade = _measure(cascade, recalls, source, workers)
    for curve, target in zip(curves, recalls, strict=True):
        log.info("\n%s", trade_off(curve, target))
    write_atomically(path, _as_config(cascade, curves, recalls, source))
    name = path.stem
    log.info("\nthresholds  %s", [float(f"{threshold:g}") for threshold in cascade.thresholds])
    log.info("written to  %s", path)
    log.info("next        %s", _next_commands(config, name))
    if curves[-1].images < len(source):
        raise Incomplete


def _next_commands(config: DictConfig, name: str) -> str:
    """The commands to detect with these networks and thresholds, and to train."""
    weights = [setting(f"detector.weights.{net}", path) for net, path in config.detector.weights.items() if path]
    runs = same_output_dir(config)
    detect = shlex.join([*command("detect").split(), f"detector={name}", *weights, *runs])
    return f"{detect} … or {shlex.join([*command('train').split(), f'detector@cascade={name}', *runs])} …"


def _check_settings(config: DictConfig) -> None:
    """Reject settings that only an evaluation takes, and an invalid number of processes."""
    if config.split not in (None, "val"):
        raise ConfigError("split: a calibration measures on val; leave it out")
    if config.detections is not None:
        raise ConfigError("detections: a calibration detects by itself; leave it out")
    with errors_named("calibrate"):
        check_counts(workers=config.workers)


def _measure(
    cascade: Cascade, recalls: Sequence[float], source: Source, workers: int
) -> tuple[list[RecallCurve], Cascade]:
    """The recall curve of each network after the earlier ones, and the cascade with the chosen thresholds.

    Each is measured with the earlier thresholds as they are written.
    """
    curves: list[RecallCurve] = []
    for target in recalls:
        so_far = cascade.first(len(curves) + 1)
        curves.append(recall_curve(so_far, source, lowest=_LOWEST, images=len(source), workers=workers))
        chosen = [rounded_down(curve.threshold(recall)) for curve, recall in zip(curves, recalls, strict=False)]
        cascade = cascade.with_thresholds(*chosen)
        if curves[-1].recall(chosen[-1]) < target:
            log.warning("%s reaches a recall of %.3f at most", curves[-1].name, curves[-1].recall(_LOWEST))
    return curves, cascade


def rounded_down(threshold: float) -> float:
    """Four decimals, as written; rounded up, a threshold would lose the face that defines it."""
    return math.floor(threshold * 1e4) / 1e4


def trade_off(curve: RecallCurve, target: float) -> str:
    """Threshold and candidates an image at several recalls, as lines; the chosen one is marked."""
    lines = [f"{curve.name:<8}recall  threshold  candidates an image"]
    for recall in sorted({*_SHOWN, target}):
        threshold = curve.threshold(recall)
        reached = curve.recall(threshold)
        mark = "  <- chosen" if recall == target else ""
        if reached < recall:
            lines.append(f"        {recall:.3f}  out of reach: {reached:.3f} at most{mark}")
        else:
            lines.append(f"        {reached:.3f}  {threshold:9.3f}  {curve.candidates(threshold):19.1f}{mark}")
    return "\n".join(lines)


def _configs() -> Path:
    """The folder of the configurations."""
    sources = HydraConfig.get().runtime.config_sources
    return next(Path(source.path) for source in sources if source.provider == "main")


def config_file(name: str, folder: Path) -> Path:
    """The path of the configuration of that name; checked before minutes of measuring.

    Args:
        folder: of the detectors' configurations.

    Raises:
        ConfigError: when the name is invalid, another file has it, or it can't be written.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"calibration: must be a name such as mine_2, of letters, digits, _ and -, not '{name}'")
    path = folder / f"{name}.yaml"
    try:
        if path.exists() and not path.read_text().startswith(_MARK):
            raise ConfigError(f"calibration: {path} was not written by a calibration; choose another name")
        with path.open("a") if path.exists() else tempfile.TemporaryFile(dir=folder):
            return path
    except OSError as error:
        raise ConfigError(f"calibration: can't write {path}: {error.strerror}; run it from a checkout") from error


def _as_config(cascade: Cascade, curves: Sequence[RecallCurve], recalls: Sequence[float], source: Source) -> str:
    thresholds = ", ".join(f"{threshold:g}" for threshold in cascade.thresholds)
    targets = ", ".join(f"{curve.name} {recall:g}" for curve, recall in zip(curves, recalls, strict=True))
    measured = curves[-1].images
    left_out = f"; {measured} of the images could be read" if measured < len(source) else ""
    return (
        f"{_MARK} ({targets}) on: {source.summary()}{left_out}\n"
        f"min_face_size: {cascade.min_face_size:g}\n"
        f"scale_factor: {cascade.scale_factor:g}\n"
        f"thresholds: [{thresholds}]\n"
    )
