"""Videos from the command line: frames in order, boxes carried between, and what was done before an interruption."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skimage.data
import torch
from hydra import compose, initialize_config_dir

from mtcnn_lit.benchmark.memory import memory
from mtcnn_lit.detections import Detections
from mtcnn_lit.experiment import detect as module
from mtcnn_lit.experiment import schema
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.detect import detect
from mtcnn_lit.images import Image, ImageError, write_image
from mtcnn_lit.outputs.video_writer import open_writer
from tests.live.videos import number_of, read_video, write_video

ROOT = Path(__file__).parents[2]
CONFIGS = ROOT / "configs"


class Detector:
    """Finds a box that tells the frame's number."""

    threshold, times = 0.7, {"P": 0.0}

    def __init__(self) -> None:
        self.seen: list[int] = []

    def detect(self, image: Image) -> Detections:
        number = number_of(image)
        self.seen.append(number)
        return Detections(torch.tensor([[0.0, 0, 1 + number, 10]]), torch.tensor([0.9]))


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> Detector:
    detector = Detector()
    monkeypatch.setattr(module, "build_detector", lambda config: None)
    monkeypatch.setattr(module, "LiveDetector", lambda _: detector)
    return detector


def run(tmp_path: Path, *overrides: str) -> None:
    schema.register()
    places = [f"paths.output_dir={tmp_path}/out", f"paths.run_dir={tmp_path}"]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        detect(compose("detect", [*overrides, *places]))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(("every", "seen"), [(1, list(range(20))), (3, [0, 3, 6, 9, 12, 15, 18])])
def test_all_frames_are_written_and_every_nth_is_looked_at(
    tmp_path: Path, detector: Detector, every: int, seen: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    video = write_video(tmp_path / "a.mkv", 20)
    run(tmp_path, "input=video", f"input.path={video}", "output=[video,json]", f"every={every}")
    assert detector.seen == seen
    lines = lines_of(tmp_path / "out" / "detect" / "detections.jsonl")
    assert [line["frame"] for line in lines] == list(range(20))
    assert [line["time"] for line in lines] == [round(number / 30, 3) for number in range(20)]
    assert [line["boxes"][0][2] - 1 for line in lines] == [number - number % every for number in range(20)]
    assert len(read_video(tmp_path / "out" / "detect" / "faces.mkv")) == 20
    assert "0 left" in capsys.readouterr().err


@pytest.mark.usefixtures("detector")
def test_images_of_frames_are_numbered(tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mkv", 2)
    run(tmp_path, "input=video", f"input.path={video}", "output=images")
    names = sorted(path.name for path in (tmp_path / "out" / "detect").iterdir())
    assert names == ["a.mkv.frame-000000.faces.png", "a.mkv.frame-000001.faces.png"]


@pytest.mark.usefixtures("detector")
@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        (["output.path={video}"], r"^output\.video\.path: .*a\.mkv is one of the pictures to read"),
        (["input.path=file://{video}", "output.path={video}"], r"^output\.video\.path: .*a\.mkv is one of the"),
        (["fps=0"], r"^fps must be above 0, not 0\.0"),
        (["every=0"], r"^every must be 1 or more, not 0"),
        (["input=image", "input.path={picture}", "every=2"], r"^every is for frames: take input=video or input=webcam"),
        (["output.video.path=/proc/none/a.mkv"], r"^can't write /proc/none/a\.mkv: "),
        (["input.path={picture}.none"], r"^no video at .*: set input\.path to a video file or its address"),
    ],
)
def test_what_can_not_be_done_is_said(tmp_path: Path, overrides: list[str], complaint: str) -> None:
    video, picture = write_video(tmp_path / "a.mkv", 2), tmp_path / "a.png"
    write_image(picture, skimage.data.astronaut())
    before = video.read_bytes()
    words = [word.format(video=video, picture=picture) for word in overrides]
    with pytest.raises((ConfigError, ImageError), match=complaint):
        run(tmp_path, "input=video", f"input.path={video}", *words)
    assert video.read_bytes() == before


def test_a_webcam_is_detected_in_until_it_ends(tmp_path: Path, detector: Detector) -> None:
    video = write_video(tmp_path / "a.mkv", 16)
    run(tmp_path, "input=webcam", f"input.device={video}", "output=json", "fps=10")
    lines = lines_of(tmp_path / "out" / "detect" / "detections.jsonl")
    assert [line["frame"] for line in lines] == detector.seen
    assert 3 <= len(lines) <= 8  # of half a second


@pytest.fixture(scope="module")
def astronaut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 s of a face."""
    path = tmp_path_factory.mktemp("video") / "astronaut.mkv"
    writer = open_writer(path, 30, (256, 256))
    for number in range(600):
        writer.write(np.ascontiguousarray(skimage.data.astronaut()[:256, 80 + number % 64 :][:, :256]))
    writer.close()
    return path


FFMPEG = shutil.which("ffmpeg") is not None
IN_A_BUFFER = pytest.mark.skipif(not FFMPEG, reason="OpenCV alone keeps the last frames in a buffer")


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, pytest.param(signal.SIGKILL, marks=IN_A_BUFFER)])
def test_what_was_done_before_an_interruption_is_kept(tmp_path: Path, astronaut: Path, kind: signal.Signals) -> None:
    command = [sys.executable, "scripts/detect.py", "input=video", f"input.path={astronaut}", "output=video,json"]
    video = tmp_path / ("a.mp4" if FFMPEG else "a.mkv")
    outputs = [f"output.video.path={video}", f"output.json.path={tmp_path}/a.jsonl"]
    places = [f"paths.output_dir={tmp_path}", f"hydra.run.dir={tmp_path}/run"]
    process = subprocess.Popen(
        [*command, *outputs, *places], cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "a.jsonl").exists() or len((tmp_path / "a.jsonl").read_text().splitlines()) < 50:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, kind)  # as a terminal does
    _, errors = process.communicate(timeout=30)
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(kind, -signal.SIGKILL)
    assert "Traceback" not in errors
    done = len((tmp_path / "a.jsonl").read_text().splitlines())
    assert done < 600
    assert abs(frames_once_there(video, done - 1) - done) <= 1


def frames_once_there(path: Path, least: int) -> int:
    """How many frames a video has once ffmpeg, which nobody waits for after a kill, has finished it."""
    for _ in range(100):
        try:
            count = len(read_video(path))
        except ImageError:
            count = 0
        if count >= least:
            break
        time.sleep(0.1)
    return count


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="the memory in use is read as Linux tells it")
def test_ten_minutes_of_video_take_no_more_memory_than_one(
    tmp_path: Path, detector: Detector, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = write_video(tmp_path / "a.mkv", 18000)
    used = {}
    find = detector.detect

    def watched(image: Image) -> Detections:
        if len(detector.seen) in (1800, 17900):
            used[len(detector.seen)] = memory("VmRSS")
        return find(image)

    monkeypatch.setattr(detector, "detect", watched)
    run(tmp_path, "input=video", f"input.path={video}", "output=[video,json,csv]")
    assert len(detector.seen) == 18000
    assert used[17900] - used[1800] < 8e6
