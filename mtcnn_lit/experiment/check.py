"""Check a composed configuration before anything runs: every argument must exist in its target's signature."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable
from typing import Any

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf

from mtcnn_lit.errors import UserError

_HYDRA_KEYS = {"_target_", "_partial_", "_args_", "_convert_", "_recursive_"}


class ConfigError(UserError):
    """An invalid configuration; one line that names the key and the remedy."""


def check_config(config: DictConfig) -> None:
    """Check every ``_target_`` node against its target's signature, and that no mandatory value is missing.

    Raises:
        ConfigError: for the first wrong key, with the nearest right one, or the first missing value.
    """
    missing = OmegaConf.missing_keys(config)
    if missing:
        key = min(missing)
        raise ConfigError(f"{key} has no value: set it with {key}=…")
    _check_node(config, "")


def _check_node(node: Any, key: str) -> None:
    if isinstance(node, DictConfig):
        if "_target_" in node:
            _check_target(node, key)
        for name in map(str, node):
            if not OmegaConf.is_interpolation(node, name):
                _check_node(node[name], f"{key}.{name}" if key else name)
    elif isinstance(node, ListConfig):
        for index, item in enumerate(node):
            _check_node(item, f"{key}[{index}]")


def _check_target(node: DictConfig, key: str) -> None:
    target = node["_target_"]
    try:
        function = get_object(target)
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{key}._target_: no such class or function: {target}") from error
    parameters = inspect.signature(function).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return
    for name in map(str, node):
        if name not in parameters and name not in _HYDRA_KEYS:
            raise ConfigError(f"{key}.{name}: {target} takes no such argument{nearest(name, parameters)}")


def takes(node: Any, name: str) -> bool:
    """Whether a node's target has an argument of that name."""
    if not isinstance(node, DictConfig) or "_target_" not in node:
        return False
    try:
        return name in inspect.signature(get_object(node["_target_"])).parameters
    except (ImportError, ValueError):
        return False


def nearest(name: str, names: Iterable[str]) -> str:
    """``; did you mean ...?`` with the most similar name, or an empty string."""
    close = difflib.get_close_matches(name, [str(other) for other in names], n=1)
    return f"; did you mean {close[0]}?" if close else ""
