"""Memory that a process frees and needs again: between the steps of a training, and from picture to picture."""

from __future__ import annotations

import ctypes
import platform

# Parameters of glibc's mallopt(3).
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4


def keep_freed_memory() -> None:
    """Let this process keep large blocks that it frees, where the C library is glibc; elsewhere nothing changes.

    By default each activation of more than 32 MiB, and at first each picture too, is returned to the system as soon as
    it is freed, and fetched and cleared again for the next batch, page by page.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(_MMAP_MAX, 0)
        libc.mallopt(_TRIM_THRESHOLD, 2**31 - 1)
