"""The outputs of a detection, checked not to overwrite an input, each other or those of a sweep's other jobs."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from omegaconf import DictConfig, OmegaConf

from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.new_folder import sweep_job
from mtcnn_lit.inputs.base import Input
from mtcnn_lit.inputs.files import FilesInput
from mtcnn_lit.outputs.text_file import STANDARD_OUTPUT


def output_nodes(config: DictConfig) -> dict[str, DictConfig]:
    """The configuration of each output, by name; ``output.path`` is assigned to the single file output.

    Raises:
        ConfigError: when there is no output, ``output.path`` is ambiguous, or two outputs, or all jobs of a sweep, have
            the same path.
    """
    nodes = {str(name): node for name, node in config.items() if isinstance(node, DictConfig)}
    if not nodes:
        raise ConfigError("output: none is set, so detections would be lost: take output=json or output=images")
    writing = [name for name, node in nodes.items() if "path" in node]
    if config.path is not None:
        if len(writing) != 1:
            remedy = " and ".join(f"output.{name}.path=…" for name in writing) or "output=json or output=images"
            raise ConfigError(f"output.path is for one output that writes files, here are {len(writing)}: set {remedy}")
        refuse_sharing(config, "output.path")
        nodes[writing[0]].path = config.path
    else:
        for name in writing:
            refuse_sharing(nodes[name], f"output.{name}.path")
    by_place = defaultdict(list)
    for name in writing:
        by_place[Path(nodes[name].path).resolve()].append(f"output.{name}.path")
    for place, keys in by_place.items():
        if len(keys) > 1:
            raise ConfigError(f"{' and '.join(keys)} are both {place}: give each output a place of its own")
    return nodes


def refuse_sharing(node: DictConfig, key: str) -> None:
    """Check that in a sweep ``node.path`` is a place of the job's own.

    Raises:
        ConfigError: when all jobs have this place.
    """
    job = sweep_job()
    if job is None or node.path == STANDARD_OUTPUT or Path(node.path).resolve().is_relative_to(Path(job).resolve()):
        return
    unresolved = cast("dict[str, Any]", OmegaConf.to_container(node, resolve=False))
    if "${hydra:job." not in str(unresolved["path"]):
        raise ConfigError(
            f"{key}: {node.path} is written by each job of the sweep, over the last one's: "
            "put ${hydra:job.num} into it, or leave it out"
        )


def refuse_overwriting_inputs(source: Input, nodes: Mapping[str, DictConfig]) -> None:
    """Check that no output overwrites a file that is to be read.

    Raises:
        ConfigError: when one would.
    """
    for name, node in nodes.items():
        place = Path(node.get("path") or "")
        if place.is_file() and any(_is_same(path, place) for path in source.files):
            raise ConfigError(f"output.{name}.path: {place} is one of the pictures to read: choose another file")
        if place.is_file() and _is_standard_input(place):
            raise ConfigError(f"output.{name}.path: {place} is read on standard input: choose another file")


def refuse_what_needs_frames(source: Input, names: Iterable[str], every: int) -> None:
    """Check that nothing that is for frames alone would get pictures, by the names of the outputs.

    Raises:
        ConfigError: when something would.
    """
    if not isinstance(source, FilesInput):
        return
    if every > 1:
        raise ConfigError("every is for frames: take input=video or input=webcam, or leave it out")
    if "video" in names:
        raise ConfigError("output=video is for frames: take input=video or input=webcam, or output=images")


def _is_same(path: Path, place: Path) -> bool:
    """Whether both are the same file; False if that can't be checked: reading the picture then raises the error."""
    try:
        return path.samefile(place)
    except OSError:
        return False


def _is_standard_input(place: Path) -> bool:
    """Whether standard input, such as a list of pictures, comes from this file; False if that can't be checked."""
    try:
        return os.path.samestat(os.fstat(0), place.stat())
    except OSError:
        return False
