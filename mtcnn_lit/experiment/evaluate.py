"""Evaluate a detector on a split of a source, and find where it loses faces."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any, cast

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.errors import Incomplete
from mtcnn_lit.evaluation import SplitDetections, detect_split, listed_detections, score, summary, write_evaluation
from mtcnn_lit.experiment.build import build_source, chosen_split
from mtcnn_lit.experiment.calibrate import calibrate
from mtcnn_lit.experiment.check import ConfigError, check_config
from mtcnn_lit.experiment.detect import build_detector
from mtcnn_lit.experiment.evaluate_stage import evaluate_stage
from mtcnn_lit.metrics import WiderFaceTruth
from mtcnn_lit.nets import NETS, weights_digest
from mtcnn_lit.sources import SourceError, WiderFace
from mtcnn_lit.sources.base import Source

log = logging.getLogger(__name__)


def evaluate(config: DictConfig) -> float | None:
    """Measure the whole cascade, one network or the detections of a file, on a split; or calibrate thresholds.

    Returns:
        AP at IoU 0.5; for one network, AP of its patches; None for a calibration.

    Raises:
        Incomplete: at the end, when an image could not be read.
    """
    check_config(config)
    if not config.calibrate:
        _refuse_settings_of_calibration()
    if config.net is not None:
        return evaluate_stage(config)
    if config.data is not None:
        raise ConfigError("data: says how patches of one network are mined, so set net=pnet, rnet or onet too")
    if config.calibrate:
        calibrate(config)
        return None
    start = time.perf_counter()
    source = build_source(config, chosen_split(config))
    _warn_without_faces(source)
    truth = official_truth(source)  # before detection, which takes long: its lists may be broken
    found, about = _detections(config, source)
    folder = Path(config.paths.run_dir)
    scores = score(found, truth)
    log.info("%s", summary(found, scores))  # first, so that a full disk does not lose the figures
    write_evaluation(found, scores, about, folder, config.draw_above)
    if found.seconds:
        log.info(
            "\n%.1f s in all, %.1f s of them for reading and detecting", time.perf_counter() - start, found.seconds
        )
    log.info("  report      %s", folder / "report.html")
    log.info("  figures     %s", folder / "metrics.json")
    log.info("  detections  %s", folder / "detections.jsonl")
    if found.errors:
        raise Incomplete(scores.ap[0])
    return scores.ap[0]


def _refuse_settings_of_calibration() -> None:
    """Reject settings that are used only by calibrations."""
    for key in ("recall", "calibration", "workers"):
        if any(text.startswith(f"{key}=") for text in HydraConfig.get().overrides.task):
            raise ConfigError(f"{key}: is for calibrations alone; add calibrate=true, or leave it out")


def _warn_without_faces(source: Source) -> None:
    """Warn early that no recall can be measured; false positives can."""
    try:
        source.check_faces()
    except SourceError as error:
        log.warning("%s", error)


def _detections(config: DictConfig, source: Source) -> tuple[SplitDetections, dict[str, Any]]:
    """The detections in the source, and a description of the detector."""
    if config.detections is not None:
        return listed_detections(config.detections, source), {"detections": config.detections}
    cascade = build_detector(config).cascade
    return detect_split(cascade, source), {
        "detector": cast("dict[str, Any]", OmegaConf.to_container(config.detector, resolve=True)),
        "weights": digests(cascade),
    }


def digests(cascade: Cascade) -> dict[str, str]:
    """The digest of the weights of each network, by its name."""
    return {name: weights_digest(net) for name, net in zip(NETS, cascade.nets, strict=False)}


def official_truth(source: Source) -> WiderFaceTruth | None:
    """The lists of WIDER FACE's official evaluation; None for other sources and splits, or without the lists.

    Raises:
        SourceError: when they don't match the source's pictures, or can't be read.
    """
    if not isinstance(source, WiderFace) or source.truth_folder is None:
        return None
    if not source.truth_folder.is_dir():
        log.warning(
            "no easy, medium and hard: %s is missing; it is the folder ground_truth of the official eval_tools.zip",
            source.truth_folder,
        )
        return None
    truth = WiderFaceTruth.load(source.truth_folder)
    return truth.restricted_to(annotation.name for annotation in source.annotations)
