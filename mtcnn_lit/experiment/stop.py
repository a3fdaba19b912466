"""Stop commands: SIGTERM, as sent by schedulers and shutdowns, acts as Ctrl-C with its own exit status.

This module imports no libraries, so that it works while they load.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

AT_ONCE = 3.0  # seconds

# An argument that Lightning adds to the command of the other devices' processes.
_STARTED_BY_LIGHTNING = "hydra.job.name=train_ddp_process_"


class _Sigterm:
    """The handler of SIGTERM: raises KeyboardInterrupt.

    `timeout` sends two at once, and the second must not interrupt the clean-up. Later ones count again, since the first
    exception is lost if raised in a `__del__` or in native code.
    """

    received = False
    _heeded = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if not self.received or time.monotonic() - self._heeded > AT_ONCE:
            self.received, self._heeded = True, time.monotonic()
            raise KeyboardInterrupt


_sigterm = _Sigterm()


def stop_on_sigterm() -> None:
    """Make SIGTERM stop this process as Ctrl-C does; no effect outside the main thread, which Python requires.

    Processes that Lightning starts for the other devices ignore both: the first process ends them when it stops. If one
    ended by itself, the first would be killed before its clean-up.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if any(argument.startswith(_STARTED_BY_LIGHTNING) for argument in sys.argv):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, _sigterm)


def stop_if_terminated() -> None:
    """Raise KeyboardInterrupt again if native code swallowed that of a SIGTERM."""
    if _sigterm.received:
        raise KeyboardInterrupt


def end_stopped(stop: KeyboardInterrupt) -> NoReturn:
    """Exit with one line and the shell's status for the signal."""
    print(f"\nstopped{': ' if str(stop) else ''}{stop}", file=sys.stderr)
    sys.exit(128 + (signal.SIGTERM if _sigterm.received else signal.SIGINT))
