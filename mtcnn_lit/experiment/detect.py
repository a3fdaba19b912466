"""Detection from the command line: an input, a detector, an output."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from mtcnn_lit.experiment.build import build, clear_errors
from mtcnn_lit.experiment.check import check_config
from mtcnn_lit.experiment.checkpoint import has_finished_run, latest_run
from mtcnn_lit.images import ImageError
from mtcnn_lit.mtcnn import MTCNN
from mtcnn_lit.nets import NETS
from mtcnn_lit.nets.weights import PRETRAINED

log = logging.getLogger(__name__)


def detect(config: DictConfig) -> None:
    """Detect faces in all pictures of the input and write them to the output.

    Pictures that can't be read are noted and passed over.

    Raises:
        SystemExit: with status 1 at the end, when there was such a picture.
    """
    check_config(config)
    source = build(config.input, "input")
    detector = build_detector(config)
    output = build(config.output, "output")
    faces, broken = 0, 0
    for name, image in tqdm(source, desc="detecting", unit="image", dynamic_ncols=True):
        if isinstance(image, ImageError):
            log.warning("%s", image)
            output.write_error(name, image)
            broken += 1
        else:
            detections = detector.detect(image)
            output.write(name, image, detections)
            faces += len(detections)
    output.close()
    log.info("%d faces in %d pictures, %d not readable: %s", faces, len(source) - broken, broken, config.output.path)
    if broken:
        raise SystemExit(1)


def build_detector(config: DictConfig) -> MTCNN:
    """The detector with the chosen weights and settings."""
    arguments = detector_arguments(config)
    with clear_errors("detector"):
        return MTCNN.from_checkpoints(**arguments)


def detector_arguments(config: DictConfig) -> dict[str, Any]:
    """What `MTCNN.from_checkpoints` takes, as plain values.

    Raises:
        WeightsError: when the weights of a stage are neither named nor those of a finished run.
    """
    settings = cast("dict[str, Any]", OmegaConf.to_container(config.detector, resolve=True))
    del settings["weights"]
    return {**chosen_weights(config, list(NETS)), **settings, "thresholds": tuple(settings["thresholds"])}


def chosen_weights(config: DictConfig, names: Sequence[str]) -> dict[str, str | Path]:
    """The weights of these networks: those that ``config.detector`` names, or the newest finished run of each.

    Where none is named and there is no finished run of any of them, they are the released weights.

    Raises:
        WeightsError: when one has neither.
    """
    chosen, runs = config.detector.weights, Path(config.paths.output_dir)
    if not any(chosen[name] for name in names) and not has_finished_run(runs, names):
        paths: dict[str, str | Path] = dict.fromkeys(names, PRETRAINED)
    else:
        paths = {name: chosen[name] or latest_run(runs, name, f"detector.weights.{name}") for name in names}
    for name, path in paths.items():
        log.info("%s: %s", name, path)
    return paths
