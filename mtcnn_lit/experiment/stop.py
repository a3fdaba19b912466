"""Commands that are stopped: SIGTERM, as schedulers and shutdowns send it, is as Ctrl-C, with a status of its own.

This module loads no library: it works while they are loaded.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

AT_ONCE = 3.0  # seconds

# An argument that Lightning gives to the processes of the other devices, which begin the same command.
_STARTED_BY_LIGHTNING = "hydra.job.name=train_ddp_process_"


class _Sigterm:
    """What happens on SIGTERM: it raises KeyboardInterrupt.

    `timeout` sends two at once, and the second one must not interrupt the closing of what was made. A later one is
    heeded: the first one's exception is lost where it is raised in a `__del__` or in code that is not Python's.
    """

    received = False
    _heeded = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.received or time.monotonic() - self._heeded > AT_ONCE:
            self.received, self._heeded = True, time.monotonic()
            raise KeyboardInterrupt


_sigterm = _Sigterm()


def stop_on_sigterm() -> None:
    """From now on SIGTERM stops this process as Ctrl-C does; Python allows that in the main thread alone.

    Of the processes that Lightning starts for the other devices none heeds either: the first one ends them when it
    stops. One that ended by itself would have the first killed before that can close what it made.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if any(argument.startswith(_STARTED_BY_LIGHTNING) for argument in sys.argv):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, _sigterm)


def stop_if_terminated() -> None:
    """Stop now if SIGTERM came and code that is not Python's swallowed what it raised."""
    if _sigterm.received:
        raise KeyboardInterrupt


def end_stopped(stop: KeyboardInterrupt) -> NoReturn:
    """End the process with one line and the status that shells give to the signal."""
    print(f"\nstopped{': ' if str(stop) else ''}{stop}", file=sys.stderr)
    sys.exit(128 + (signal.SIGTERM if _sigterm.received else signal.SIGINT))
