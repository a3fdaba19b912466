"""The record of a run, `.hydra/` in its folder, as hyperparameters to compare."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from mtcnn_lit.nets import short_digest

log = logging.getLogger(__name__)

# Settings of paths, and those that repeat the stage.
_LEFT_OUT = {"paths", "ckpt_path", "stage"}
_SAME_AS_STAGE = {"net", "data"}


def read_settings(run: Path) -> dict[str, str]:
    """The hyperparameters of a run as text (see `settings_of`); empty without a readable record."""
    config = _load(run / ".hydra" / "config.yaml")
    hydra = _flatten(_load(run / ".hydra" / "hydra.yaml"))
    choices = {name: hydra.get(f"hydra.runtime.choices.{name}") for name in ("net", *config)}
    if not config or choices["net"] is None:
        return {}
    return {key: as_text(value) for key, value in settings_of(config, choices).items()}


def settings_of(config: Mapping[str, Any], choices: Mapping[str, str | None]) -> dict[str, Any]:
    """Hyperparameters by dotted key: the stage, then choices such as `source=widerface`, then values; whole lists.

    Interpolations stay unresolved: they follow from other settings.

    Args:
        config: of a run, as plain values.
        choices: the chosen option of each group, including `net`.
    """
    settings = {name: node for name, node in config.items() if name not in _LEFT_OUT}
    chosen = {name: choices.get(name) for name in settings if name not in _SAME_AS_STAGE}
    options = {name: choice for name, choice in chosen.items() if choice}
    return {"stage": choices["net"], **options, **_flatten(settings)}


def with_weights(settings: Mapping[str, Any], upstream: Mapping[str, str], init_from: str | None) -> dict[str, Any]:
    """Settings that name weights by `short_digest` instead of by path.

    A setting without a digest stays, except an upstream of null: that is the newest run, whichever it was.

    Args:
        upstream: the digest of each network that mined, by name; empty while they are unknown.
        init_from: the digest of the weights that training started with, if any.
    """
    digests = {f"upstream.{name}": digest for name, digest in upstream.items()}
    digests |= {"init_from": init_from} if init_from else {}
    known = {key: value for key, value in settings.items() if not key.startswith("upstream.") or value != "null"}
    return {**known, **{key: short_digest(digest) for key, digest in digests.items()}}


def _load(path: Path) -> dict[str, Any]:
    """Load a configuration file; empty, with a warning, if it is unreadable."""
    try:
        config = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, YAMLError, OmegaConfBaseException):
        log.warning("%s: not a configuration, left out", path)
        return {}
    return {str(name): node for name, node in config.items()} if isinstance(config, dict) else {}


def _flatten(node: Any, key: str = "") -> dict[str, Any]:
    """Leaves of nested dictionaries and lists by dotted key; Hydra's special keys are left out."""
    if isinstance(node, dict):
        inner = {f"{key}.{name}".lstrip("."): item for name, item in node.items() if not _is_mark(str(name))}
    elif isinstance(node, list) and any(isinstance(item, dict | list) for item in node):
        inner = {f"{key}[{index}]": item for index, item in enumerate(node)}
    else:
        return {key: node}
    return {path: leaf for name, item in inner.items() for path, leaf in _flatten(item, name).items()}


def _is_mark(name: str) -> bool:
    """Whether a key is special to Hydra, such as `_partial_`; `_target_` counts as a setting."""
    return name.startswith("_") and name != "_target_"


def as_text(value: Any) -> str:
    """A value as it is written in a configuration."""
    if isinstance(value, list):
        return f"[{', '.join(map(as_text, value))}]"
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
