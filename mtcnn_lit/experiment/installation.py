"""Differences between a checkout and the installed package: paths of configurations, names of commands."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parents[1]
_IN_PACKAGE = _PACKAGE / "configs"  # put there by setup.py


def configs() -> Path:
    """The folder of the configurations: inside the installed package, or at the top of a checkout."""
    return _IN_PACKAGE if _IN_PACKAGE.is_dir() else _PACKAGE.parent / "configs"


def command(name: str) -> str:
    """How a command (train, detect, evaluate, ...) is called here: ``python train.py``, or ``mtcnn-train``."""
    if _IN_PACKAGE.is_dir():
        return f"mtcnn-{name}"
    return "python train.py" if name == "train" else f"python scripts/{name}.py"
