"""The machine that a benchmark ran on."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import torch

from mtcnn_lit.parallel import cores


def machine() -> dict[str, Any]:
    """The processor's name, how many cores this process may use, and the versions of Python and torch."""
    return {
        "cpu": _cpu_name(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
