"""Commands that are stopped: SIGTERM, as schedulers and shutdowns send it, is as Ctrl-C, with a status of its own.

This module loads no library: it works while they are loaded.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType
from typing import NoReturn


class _Sigterm:
    """What happens on SIGTERM: the first one raises KeyboardInterrupt.

    `timeout` sends two, and the second one must not interrupt the closing of what was made.
    """

    received = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.received:
            self.received = True
            raise KeyboardInterrupt


_sigterm = _Sigterm()


def stop_on_sigterm() -> None:
    """From now on SIGTERM stops this process as Ctrl-C does; Python allows that in the main thread alone."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _sigterm)


def stop_if_terminated() -> None:
    """Stop now if SIGTERM came and code that is not Python's swallowed what it raised."""
    if _sigterm.received:
        raise KeyboardInterrupt


def end_stopped(stop: KeyboardInterrupt) -> NoReturn:
    """End the process with one line and the status that shells give to the signal."""
    print(f"\nstopped{': ' if str(stop) else ''}{stop}", file=sys.stderr)
    sys.exit(128 + (signal.SIGTERM if _sigterm.received else signal.SIGINT))
