"""Detection from the command line: an input, a detector, outputs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from mtcnn_lit.experiment.build import build, clear_errors
from mtcnn_lit.experiment.check import check_config
from mtcnn_lit.experiment.checkpoint import has_finished_run, latest_run
from mtcnn_lit.experiment.output import keep_inputs, output_nodes
from mtcnn_lit.inputs.base import Input
from mtcnn_lit.mtcnn import MTCNN
from mtcnn_lit.named_image import UnreadImage
from mtcnn_lit.nets import NETS
from mtcnn_lit.nets.weights import PRETRAINED
from mtcnn_lit.outputs.base import Output

log = logging.getLogger(__name__)


def detect(config: DictConfig) -> None:
    """Detect faces in all pictures of the input and write them to the outputs.

    Pictures that can't be read are noted and passed over.

    Raises:
        SystemExit: with status 1 at the end, when there was such a picture.
    """
    check_config(config)
    nodes = output_nodes(config.output)
    source: Input = build(config.input, "input")
    keep_inputs(source, nodes)
    detector = build_detector(config)
    faces, pictures, broken = 0, 0, 0
    with ExitStack() as stack:
        outputs = [_open(node, name, stack) for name, node in nodes.items()]
        for picture in tqdm(source, desc="detecting", unit="image", dynamic_ncols=True):
            if isinstance(picture, UnreadImage):
                log.warning("%s", picture.error)
                for output in outputs:
                    output.write_error(picture)
                broken += 1
            else:
                detections = detector.detect(picture.image)
                for output in outputs:
                    output.write(picture, detections)
                faces += len(detections)
                pictures += 1
    where = ", ".join(str(node.path) for node in nodes.values() if "path" in node)
    log.info("%d faces in %d pictures, %d not readable: %s", faces, pictures, broken, where)
    if broken:
        raise SystemExit(1)


def _open(node: DictConfig, name: str, stack: ExitStack) -> Output:
    """Build an output that is closed with the stack."""
    output: Output = build(node, f"output.{name}")
    stack.callback(output.close)
    return output


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
