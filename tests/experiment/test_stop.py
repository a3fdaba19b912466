"""SIGTERM, in processes of their own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.test_layers import ROOT

SENT_TWICE = """
import signal
from mtcnn_lit.experiment.stop import end_stopped, stop_on_sigterm

stop_on_sigterm()
try:
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        signal.raise_signal(signal.SIGTERM)
        print("closed")
except KeyboardInterrupt as stop:
    end_stopped(stop)
"""

SWALLOWED = """
import signal
from mtcnn_lit.experiment.stop import end_stopped
from mtcnn_lit.experiment.stop_training import StopOnSigterm

callback = StopOnSigterm()
callback.on_train_start()
callback.on_train_batch_end()
try:
    signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt:
    print("closed")
try:
    callback.on_train_batch_end()
except KeyboardInterrupt as stop:
    end_stopped(stop)
"""

SENT_LATER = """
import contextlib
import signal
import time
from mtcnn_lit.experiment import stop

stop.AT_ONCE = 0.05
stop.stop_on_sigterm()
with contextlib.suppress(KeyboardInterrupt):  # as in a __del__
    signal.raise_signal(signal.SIGTERM)
print("closed")
time.sleep(0.1)
try:
    signal.raise_signal(signal.SIGTERM)
except KeyboardInterrupt as error:
    stop.end_stopped(error)
"""


@pytest.mark.parametrize(
    "program", [SENT_TWICE, SWALLOWED, SENT_LATER], ids=["sent twice", "swallowed", "swallowed and sent later"]
)
def test_sigterm_stops_once(program: str) -> None:
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (143, "closed\n", "\nstopped\n")


IN_A_THREAD = """
import signal
import threading
from mtcnn_lit.experiment.stop import stop_on_sigterm

threading.excepthook = lambda raised: print(raised.exc_value)
thread = threading.Thread(target=stop_on_sigterm)
thread.start()
thread.join()
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""


def test_a_training_in_a_thread_leaves_sigterm_alone() -> None:
    """Python would raise an error."""
    result = subprocess.run([sys.executable, "-c", IN_A_THREAD], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "True\n", "")
