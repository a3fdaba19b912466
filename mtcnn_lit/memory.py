"""Keep freed memory in the process, for the next training step or the next picture."""

from __future__ import annotations

import ctypes
import platform

# Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Make glibc keep large freed blocks in this process; no effect with another C library.

    By default glibc returns each activation over 32 MiB (and at first each picture) to the system when it is freed, and
    the next batch waits for new, zeroed pages.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
