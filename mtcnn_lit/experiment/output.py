"""The outputs of a detection, checked not to overwrite an input or each other."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from omegaconf import DictConfig

from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.inputs.base import Input
from mtcnn_lit.inputs.files import FilesInput


def output_nodes(config: DictConfig) -> dict[str, DictConfig]:
    """The configuration of each output, by name; ``output.path`` is assigned to the single file output.

    Raises:
        ConfigError: when there is no output, ``output.path`` is ambiguous, or two outputs have the same path.
    """
    nodes = {str(name): node for name, node in config.items() if isinstance(node, DictConfig)}
    if not nodes:
        raise ConfigError("output: none is set, so detections would be lost: take output=json or output=images")
    writing = [name for name, node in nodes.items() if "path" in node]
    if config.path is not None:
        if len(writing) != 1:
            remedy = " and ".join(f"output.{name}.path=…" for name in writing) or "output=json or output=images"
            raise ConfigError(f"output.path is for one output that writes files, here are {len(writing)}: set {remedy}")
        nodes[writing[0]].path = config.path
    by_place = defaultdict(list)
    for name in writing:
        by_place[Path(nodes[name].path).resolve()].append(f"output.{name}.path")
    for place, keys in by_place.items():
        if len(keys) > 1:
            raise ConfigError(f"{' and '.join(keys)} are both {place}: give each output a place of its own")
    return nodes


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
