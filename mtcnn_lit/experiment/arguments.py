"""Quote command line arguments so that Hydra's grammar accepts them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.types import RunMode

_LIKE_A_PATH = re.compile(r"[/~=\s'&;!]|[^\x00-\x7f]")
_PATHS = ("root", "path", "dir")  # suffixes of keys that hold paths
_LIKE_A_NUMBER = re.compile(r"\d[\d._eE]*")
_LIKE_A_DATE = re.compile(r"(?!\d{1,3}(_\d{3})+$)\d+(_\d+)+")  # 2024_01_05, not 1_000
_QUOTED = ("'", '"', "$")  # start of a quoted value or an interpolation
_QUOTED_PATHS = re.compile(r"""(('([^'\\]|\\.)*'|"([^"\\]|\\.)*")(,(?!\Z)|\Z))+""")  # one, or those of a sweep


def setting(key: str, value: str | Path) -> str:
    """The argument that sets a key to a path or name; other quoting is added by `plain_values` when it is read."""
    return f"{key}={_quote(str(value)) if ',' in str(value) else value}"  # commas separate the values of a sweep


def plain_list(arguments: Sequence[str], key: str) -> list[str]:
    """Rewrite ``key=A,B`` in command line arguments as a Hydra list: ``key=['A','B']``.

    For Hydra ``key=A,B`` is a sweep, and an error without ``-m``. The quotes allow any characters in paths.
    """
    return [_as_list(text, f"{key}=") for text in arguments]


def plain_paths(arguments: Sequence[str]) -> list[str]:
    """Quote the values of all ``….path=`` and ``….device=`` in command line arguments, e.g. ``it's (1).jpg``.

    ``~`` is expanded, as the shell does in other words.
    """
    return [_as_path(text) for text in arguments]


def plain_values(arguments: Sequence[str]) -> list[str]:
    """Quote values in command line arguments that Hydra's grammar can't parse, e.g. ``source.root=~/Bilder (1)``.

    Hydra requires quotes around non-ASCII letters, ``~``, ``=`` and brackets within a word. Values that don't look like
    a path or a name are kept, so that typos in numbers and lists (``net.optimizer.lr=0.01)``) are errors at once. In a
    sweep each of the comma-separated values is quoted.

    Names that Hydra would parse as a number are quoted too: ``init_from=2024_01_05``, ``source.root=2024``.
    """
    parser = OverridesParser.create()
    sweeps = not {"-m", "--multirun"}.isdisjoint(arguments)
    return [_quote_names(text, sweeps) if _is_readable(text, parser) else _as_value(text, sweeps) for text in arguments]


def is_independent_job(arguments: Sequence[str]) -> bool:
    """Whether this is a job of a sweep that the others do not build on, as they do where networks are swept.

    Args:
        arguments: of the command line; a sweep may be part of the configuration, too.
    """
    job = HydraConfig.get()
    swept = [*arguments, *(f"{key}={value}" for key, value in (job.sweeper.get("params") or {}).items())]
    sweeps_nets = any(re.match(r"\+*net=.*[,(]", text) for text in swept)
    return job.mode == RunMode.MULTIRUN and not sweeps_nets


def _is_readable(text: str, parser: OverridesParser) -> bool:
    try:
        parser.parse_override(text)
    except HydraException:
        return False
    return True


def _quote_names(text: str, sweeps: bool) -> str:
    """The override, with values quoted that are names but look like numbers."""
    key, equals, value = text.partition("=")
    looks = _LIKE_A_NUMBER if key.endswith(_PATHS) else _LIKE_A_DATE
    parts = value.split(",") if sweeps else [value]
    return key + equals + ",".join(_quote(part) if looks.fullmatch(part) else part for part in parts)


def _as_value(text: str, sweeps: bool) -> str:
    key, _, value = text.partition("=")
    is_other = value.startswith((*_QUOTED, "[", "{", "(")) or value.endswith(",")
    if is_other or not re.fullmatch(r"\+{0,2}[\w./@]+", key) or not _LIKE_A_PATH.search(value):
        return text
    parts = value.split(",") if sweeps else [value]
    return f"{key}={','.join(_quote(os.path.expanduser(part)) for part in parts)}"  # noqa: PTH111 - see `_as_path`


def _as_list(text: str, start: str) -> str:
    value = text.removeprefix(start)
    if not text.startswith(start) or value.startswith("["):
        return text
    if value.startswith(_QUOTED):
        return f"{start}[{value}]"
    return f"{start}[{','.join(_quote(part) for part in value.split(',') if part)}]"


def _as_path(text: str) -> str:
    key, _, value = text.partition("=")
    if not key.endswith((".path", ".device")) or value in ("", "null") or _QUOTED_PATHS.fullmatch(value):
        return text
    return f"{key}={_quote(os.path.expanduser(value))}"  # noqa: PTH111 - pathlib fails on `~name.jpg`


def _quote(text: str) -> str:
    # In quotes, Hydra keeps backslashes as they are, except before a quote or the end.
    return "'" + re.sub(r"(\\*)('|\Z)", _escape, text) + "'"


def _escape(match: re.Match[str]) -> str:
    return 2 * match[1] + ("\\'" if match[2] else "")
