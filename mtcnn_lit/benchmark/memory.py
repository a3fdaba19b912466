"""The memory of this process, from Linux's /proc."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_FORGET_THE_PEAK = "5"  # see proc_pid_clear_refs(5)


def memory(kind: Literal["VmRSS", "VmHWM"]) -> int:
    """Bytes in use now (VmRSS), or at most so far (VmHWM)."""
    lines = dict(line.split(":", 1) for line in _STATUS.read_text().splitlines())
    return 1024 * int(lines[kind].split()[0])


def idle_memory() -> int | None:
    """Bytes in use now; also resets the peak. None if the system can't reset it."""
    try:
        _CLEAR.write_text(_FORGET_THE_PEAK)
        return memory("VmRSS")
    except OSError:
        return None


def peak_above(idle: int | None) -> int | None:
    """The peak above the idle process, bytes; None if the latter is unknown."""
    return None if idle is None else max(0, memory("VmHWM") - idle)
