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


@pytest.mark.parametrize("program", [SENT_TWICE, SWALLOWED], ids=["sent twice", "swallowed"])
def test_sigterm_stops_once(program: str) -> None:
    result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (143, "closed\n", "\nstopped\n")
