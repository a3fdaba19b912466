"""What a command settles before it loads anything."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.test_layers import ROOT

PROGRAM = """
import os, sys
from mtcnn_lit.experiment import commands
assert "torch" not in sys.modules, "torch has read its settings already"
sys.argv = ["train.py", "--cfg", "job", "net=pnet"]
try:
    commands.train()
finally:
    print("torch" in sys.modules, os.environ["GOMP_SPINCOUNT"], file=sys.stderr)
"""


@pytest.mark.parametrize(("given", "expected"), [({}, "10000"), ({"GOMP_SPINCOUNT": "7"}, "7")])
def test_training_says_how_threads_wait_before_torch_is_loaded(given: dict[str, str], expected: str) -> None:
    others = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=others | given, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stderr.strip().endswith(f"True {expected}")
