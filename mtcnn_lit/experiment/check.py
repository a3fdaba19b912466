"""Check a composed configuration before anything runs: every argument must exist in its target's signature."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from hydra.utils import get_object
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from mtcnn_lit.errors import UserError

_HYDRA_KEYS = {"_target_", "_partial_", "_args_", "_convert_", "_recursive_"}


class ConfigError(UserError):
    """An invalid configuration; one line that names the key and the remedy."""


def check_config(config: DictConfig) -> None:
    """Check every ``_target_`` node against its target's signature, and that no mandatory value is missing.

    Raises:
        ConfigError: for the first wrong key, with the nearest right one, the first missing value or null, or the
            first value where its target takes a number, a truth value or a list, and this is none.
    """
    try:
        missing = OmegaConf.missing_keys(config)
    except OmegaConfBaseException:
        _check_node(config, "")  # names a null that an interpolation leads through
        raise
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
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    kinds = _kinds(function, parameters)
    for name in map(str, node):
        if name not in parameters and name not in _HYDRA_KEYS and not takes_any:
            raise ConfigError(f"{key}.{name}: {target} takes no such argument{nearest(name, parameters)}")
        if name in kinds and not OmegaConf.is_interpolation(node, name):
            _check_value(node[name], kinds[name], f"{key}.{name}")


def _kinds(function: Callable[..., Any], parameters: Mapping[str, inspect.Parameter]) -> dict[str, set[Any]]:
    """What each parameter may be, as far as it is annotated with what can be found."""
    try:
        hints = get_type_hints(function.__init__ if inspect.isclass(function) else function)
    except (AttributeError, NameError, TypeError):
        return {}
    none = {name: {NoneType} if each.default is None else set() for name, each in parameters.items()}
    return {name: _alternatives(hints[name]) | none[name] for name in parameters if name in hints}


def _alternatives(hint: Any) -> set[Any]:
    return set(get_args(hint)) if get_origin(hint) in (Union, UnionType) else {hint}


def _check_value(value: Any, kinds: set[Any], key: str) -> None:
    """Reject null, words and single values where the target takes none: Hydra would pass them on.

    To Hydra `no`, `off` and a slip in a number are words, and a word is true.
    """
    if value is None:
        if not any(kind in (NoneType, Any, object) or isinstance(kind, TypeVar) for kind in kinds):
            raise ConfigError(f"{key}: must have a value")
        return
    kinds = kinds - {NoneType}
    if kinds == {bool}:
        if not isinstance(value, bool):
            raise ConfigError(f"{key}: must be true or false, not {value}")
    elif isinstance(value, str) and kinds & {int, float} and not any(_takes_text(kind) for kind in kinds):
        raise ConfigError(f"{key}: must be a {'' if float in kinds else 'whole '}number, not {value}")
    elif len(kinds) == 1:
        _check_inside(value, next(iter(kinds)), key)


def _check_inside(value: Any, kind: Any, key: str) -> None:
    """The items of a list, and the keys where only some are possible."""
    inside = get_args(kind)
    if get_origin(kind) in (list, tuple, Sequence):
        if not isinstance(value, ListConfig | DictConfig):
            raise ConfigError(f"{key}: must be a list, such as [{value}], not {value}")
        kinds = set().union(*map(_alternatives, inside)) - {Ellipsis}
        for index, item in enumerate(value if isinstance(value, ListConfig) else ()):
            _check_value(item, kinds, f"{key}[{index}]")
    elif get_origin(kind) is Mapping and get_origin(inside[0]) is Literal and isinstance(value, DictConfig):
        possible = get_args(inside[0])
        for name in map(str, value):
            if name not in possible:
                hint = nearest(name, possible) or f"; there are {', '.join(possible)}"
                raise ConfigError(f"{key}.{name}: no such key{hint}")


def _takes_text(kind: Any) -> bool:
    return not inspect.isclass(kind) or issubclass(str, kind)


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
