"""The window on a screen: Xvfb's, where it and xdotool are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data

from mtcnn_lit.images import read_image
from mtcnn_lit.outputs.video_writer import open_writer

ROOT = Path(__file__).parents[2]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (shutil.which("Xvfb") and shutil.which("xdotool")), reason="needs Xvfb and xdotool"),
]


@pytest.fixture
def screen() -> Iterator[dict[str, str]]:
    """The environment of programs that are to show themselves there."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "800x600x24", "-noreset"]
    server = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as chosen:
        yield {**os.environ, "DISPLAY": f":{chosen.readline().strip()}"}
    server.terminate()
    server.wait()


def wait_for(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_it_opens_on_a_video_and_takes_keys(tmp_path: Path, screen: dict[str, str]) -> None:
    writer = open_writer(tmp_path / "a.mkv", 30, (256, 256))
    for number in range(1800):
        writer.write(np.ascontiguousarray(skimage.data.astronaut()[:256, 80 + number % 64 :][:, :256]))
    writer.close()
    words = ["input=webcam", f"input.device={tmp_path}/a.mkv", "fps=30", f"paths.output_dir={tmp_path}"]
    command = [sys.executable, "scripts/detect.py", *words, f"hydra.run.dir={tmp_path}/run"]
    process = subprocess.Popen(command, cwd=ROOT, env=screen, stderr=subprocess.PIPE, text=True)
    saved = tmp_path / "detect" / "saved"

    def press(key: str) -> None:
        find = ["xdotool", "search", "--name", "^mtcnn-lit$", "windowfocus", "key", key]
        subprocess.run(find, env=screen, check=False, capture_output=True)

    def save() -> bool:
        press("s")
        return saved.exists() and len(list(saved.iterdir())) > 0

    wait_for(save)  # as soon as the window is there
    press("q")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "QFont" not in errors
    assert read_image(min(saved.iterdir())).shape == (256, 256, 3)
