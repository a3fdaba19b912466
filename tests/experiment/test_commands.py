"""What a command settles before it loads anything, and what it does without."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.images import write_image
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


DETECTS = """
import sys
from mtcnn_lit.experiment import commands
networks = [f"detector.weights.{name}=pretrained" for name in ("pnet", "rnet", "onet")]
sys.argv = ["scripts/detect.py", *networks, "input=image", "input.path=grey.png", "output=csv", "output.path=found.csv"]
commands.detect()
heavy = {"lightning", "torchmetrics", "albumentations", "tensorboard", "matplotlib", "scipy", "onnxruntime"}
print("loaded:", sorted(heavy & sys.modules.keys()))
"""


def test_the_command_that_detects_loads_none_of_the_training_libraries(tmp_path: Path) -> None:
    """They take longer to load than a picture takes to be looked at."""
    write_image(tmp_path / "grey.png", np.full((60, 60, 3), 128, np.uint8))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", DETECTS], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1] == "loaded: []"
    assert (tmp_path / "found.csv").is_file()


STOPPED = """
import signal, sys
from mtcnn_lit.experiment import commands

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name == "hydra":
            signal.raise_signal(signal.Signals[kind])

kind, command = sys.argv[1:]
sys.meta_path.insert(0, Stop())
getattr(commands, command)()
"""


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["train", "detect", "evaluate", "compare", "export", "benchmark"])
def test_a_command_that_is_stopped_while_it_loads_says_so_in_one_line(command: str, kind: signal.Signals) -> None:
    result = subprocess.run(
        [sys.executable, "-c", STOPPED, kind.name, command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stderr) == (128 + kind, "\nstopped\n")
