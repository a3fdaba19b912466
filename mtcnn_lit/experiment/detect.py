"""Detection from the command line: an input, a detector, outputs."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf
from tqdm import tqdm

from mtcnn_lit.detections import Detections
from mtcnn_lit.errors import Incomplete
from mtcnn_lit.experiment.build import build, errors_named
from mtcnn_lit.experiment.check import ConfigError, check_config
from mtcnn_lit.experiment.output import output_nodes, refuse_overwriting_inputs, refuse_what_needs_frames
from mtcnn_lit.experiment.runs import has_finished_run, latest_run, warn_of_mismatched_upstream
from mtcnn_lit.inputs.base import Input
from mtcnn_lit.live.detector import LiveDetector
from mtcnn_lit.live.pace import paced
from mtcnn_lit.mtcnn import MTCNN
from mtcnn_lit.named_image import Frame, UnreadImage
from mtcnn_lit.nets import NETS
from mtcnn_lit.nets.weights import PRETRAINED
from mtcnn_lit.outputs import StreamOutput, WindowOutput
from mtcnn_lit.outputs.base import Finished, Output

log = logging.getLogger(__name__)


def detect(config: DictConfig) -> None:
    """Detect faces in all pictures of the input and write them to the outputs.

    Unreadable pictures are logged, reported to the outputs and skipped.

    Raises:
        Incomplete: at the end, when there was such a picture.
        KeyboardInterrupt: when it is stopped; the message says how far it got.
    """
    check_config(config)
    _check_pace(config)
    nodes = output_nodes(config.output)
    source: Input = build(config.input, "input")
    refuse_what_needs_frames(source, nodes, config.every)
    refuse_overwriting_inputs(source, nodes)
    detector = LiveDetector(build_detector(config))
    count = Count()
    where = ", ".join(str(node.path) for node in nodes.values() if "path" in node)
    written = f"; written to {where}" if where else ""
    try:
        with ExitStack() as stack:
            outputs = [_open(node, name, detector, stack) for name, node in nodes.items()]
            with suppress(Finished):
                _detect_all(source, detector, outputs, config.fps, config.every, count)
                _keep_up(outputs)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{count}{written}" if count.pictures or count.broken else "") from None
    log.info("%s%s", count, written)
    if count.broken:
        raise Incomplete


@dataclass
class Count:
    """Counts so far."""

    faces: int = 0
    pictures: int = 0
    broken: int = 0

    def __str__(self) -> str:
        return f"{self.faces} faces in {self.pictures} pictures, {self.broken} not readable"


def _check_pace(config: DictConfig) -> None:
    if config.fps is not None and not config.fps > 0:
        raise ConfigError(f"fps must be above 0, not {config.fps}: the most pictures to detect in a second")
    if config.every < 1:
        raise ConfigError(f"every must be 1 or more, not {config.every}: every=3 detects in each third frame")


def _detect_all(
    source: Input, detector: LiveDetector, outputs: Sequence[Output], fps: float | None, every: int, count: Count
) -> None:
    detections = Detections.empty()
    with tqdm(paced(source, fps), total=_known_length(source), desc="detecting", dynamic_ncols=True) as bar:
        for number, picture in enumerate(bar):
            if isinstance(picture, UnreadImage):
                log.warning("%s", picture.error)
                for output in outputs:
                    output.write_error(picture)
                count.broken += 1
            else:
                bar.unit = "frame" if isinstance(picture, Frame) else "image"
                if number % every == 0:
                    detections = detector.detect(picture.image)
                for output in outputs:
                    output.write(picture, detections)
                count.faces += len(detections)
                count.pictures += 1
            if bar.total:
                bar.set_postfix_str(f"{max(0, bar.total - number - 1)} left", refresh=False)


def _keep_up(outputs: Sequence[Output]) -> None:
    """Keep the last picture on a page until Ctrl-C, unless there is a window, which already paused at each."""
    if not any(isinstance(output, WindowOutput) for output in outputs):
        for output in outputs:
            if isinstance(output, StreamOutput):
                output.keep_up()


def _known_length(source: Input) -> int | None:
    """The number of pictures, if the input knows it."""
    try:
        return len(source)  # type: ignore[arg-type]
    except TypeError:
        return None


def _open(node: DictConfig, name: str, detector: LiveDetector, stack: ExitStack) -> Output:
    """Build an output that is closed with the stack; live outputs get the detector."""
    live = {"detector": detector} if node.get("_partial_") else {}
    output: Output = build(node, f"output.{name}", **live)
    stack.callback(output.close)
    return output


def build_detector(config: DictConfig) -> MTCNN:
    """The detector with the chosen weights and settings."""
    arguments = detector_arguments(config)
    with errors_named("detector"):
        return MTCNN.from_checkpoints(**arguments)


def detector_arguments(config: DictConfig) -> dict[str, Any]:
    """The arguments of `MTCNN.from_checkpoints`, as plain values.

    Raises:
        WeightsError: when a stage's weights are not named and it has no finished run.
    """
    settings = cast("dict[str, Any]", OmegaConf.to_container(config.detector, resolve=True))
    del settings["weights"]
    return {**chosen_weights(config, list(NETS)), **settings, "thresholds": tuple(settings["thresholds"])}


def chosen_weights(config: DictConfig, names: Sequence[str]) -> dict[str, str | Path]:
    """The weights of these networks: those named by ``config.detector``, or the newest finished run of each.

    If none is named and none has a finished run, the released weights.

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
    warn_of_mismatched_upstream(paths)
    return paths
