"""Detection as its configuration describes it: every output gets every picture, and failures lose nothing."""

from __future__ import annotations

import csv
import json
import logging
import re
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import skimage.data
import torch
from hydra import compose, initialize_config_dir

from mtcnn_lit.boxes import iou
from mtcnn_lit.errors import Incomplete
from mtcnn_lit.experiment import detect as module
from mtcnn_lit.experiment import schema
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.detect import detect
from mtcnn_lit.images import ImageError, read_image, write_image
from mtcnn_lit.outputs import JsonOutput
from mtcnn_lit.outputs import window as window_output
from tests.live.watched import PlainWindow, get, next_picture

CONFIGS = Path(__file__).parents[2] / "configs"
FACE = torch.tensor([[181.0, 62, 268, 172]])  # of the astronaut


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture with a face, one without, and a text named as a picture."""
    write_image(tmp_path / "in" / "a" / "astronaut.png", skimage.data.astronaut())
    (tmp_path / "in" / "broken.jpg").write_text("no picture")
    write_image(tmp_path / "in" / "none.png", np.full((60, 80, 3), 90, np.uint8))
    return tmp_path / "in"


def run(tmp_path: Path, *overrides: str) -> None:
    schema.register()
    places = [f"paths.output_dir={tmp_path}/out", f"paths.run_dir={tmp_path}"]
    weights = [f"detector.weights.{net}=pretrained" for net in ("pnet", "rnet", "onet")]
    with initialize_config_dir(str(CONFIGS), version_base="1.3"):
        detect(compose("detect", [*overrides, *weights, *places, "detector.device=cpu"]))


def test_all_outputs_at_once(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(Incomplete):  # for the one that is no picture
        run(tmp_path, "input=folder", f"input.path={folder}", "output=[json,csv,images,crops]")
    assert "1 faces in 2 pictures, 1 not readable; written to " in caplog.text
    out = tmp_path / "out" / "detect"
    first, broken, none = (json.loads(line) for line in (out / "detections.jsonl").read_text().splitlines())
    assert (first["image"], broken["image"], none["image"]) == ("a/astronaut.png", "broken.jpg", "none.png")
    assert iou(torch.tensor(first["boxes"]), FACE).item() > 0.5
    assert "not a picture" in broken["error"]
    assert none["boxes"] == []
    with (out / "detections.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[1:] == [["a/astronaut.png", *map(str, first["boxes"][0]), str(first["scores"][0])]]
    pictures = {path.relative_to(out).as_posix() for path in out.rglob("*.png")}
    assert pictures == {
        "a/astronaut.png.faces.png",
        "none.png.faces.png",
        "crops/a/astronaut.png.face-001.png",
    }
    crop = read_image(out / "crops" / "a" / "astronaut.png.face-001.png")
    x1, y1, x2, y2 = first["boxes"][0]
    assert crop.shape[:2] == pytest.approx((1.4 * (y2 - y1), 1.4 * (x2 - x1)), abs=1)


@pytest.mark.parametrize(
    ("outputs", "mistake", "complaint"),
    [
        ("json,crops", "every=3", "every is for frames"),
        ("json,crops", "output.crops.margin=-1", "margin must be a number from 0 on"),
        ("json,crops", "output.crops.path=-", "can't write pictures to '-'"),
        ("json,video", "output.video.path=/proc/none/a.mkv", "output=video is for frames: take input=video or input="),
    ],
)
def test_a_run_that_is_refused_leaves_earlier_results(
    folder: Path, tmp_path: Path, outputs: str, mistake: str, complaint: str
) -> None:
    (tmp_path / "old.jsonl").write_text("hours of work\n")
    place = f"output.json.path={tmp_path}/old.jsonl"
    with pytest.raises((ConfigError, ImageError), match=complaint):
        run(tmp_path, "input=folder", f"input.path={folder}", f"output=[{outputs}]", place, mistake)
    assert (tmp_path / "old.jsonl").read_text() == "hours of work\n"


@pytest.mark.parametrize("mistake", ["every=3", "output=video"])
def test_what_is_for_frames_is_refused_before_the_detector_is_built(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mistake: str
) -> None:
    monkeypatch.setattr(module, "build_detector", lambda _: pytest.fail("it is built"))
    with pytest.raises(ConfigError, match="is for frames: take input=video or input=webcam, or "):
        run(tmp_path, "input=folder", f"input.path={folder}", mistake)


def test_what_was_found_before_an_output_fails_is_kept(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "found").mkdir()
    (tmp_path / "found" / "none.png.faces.png").mkdir()  # in the way of the second picture
    places = [f"output.json.path={tmp_path}/a.jsonl", f"output.images.path={tmp_path}/found"]
    with pytest.raises(ImageError, match=r"can't write .*none\.png\.faces\.png: Is a directory"):
        run(tmp_path, "input=folder", f"input.path={folder}", "output=[json,images]", *places)
    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert [json.loads(line)["image"] for line in lines] == ["a/astronaut.png", "broken.jpg", "none.png"]
    assert (tmp_path / "found" / "a" / "astronaut.png.faces.png").is_file()


def test_a_stopped_detection_says_what_is_done(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(JsonOutput, "write_error", stop)
    place = tmp_path / "a.jsonl"
    with pytest.raises(KeyboardInterrupt, match=f"^1 faces in 1 pictures, 0 not readable; written to {place}$"):
        run(tmp_path, "input=folder", f"input.path={folder}", "output=json", f"output.path={place}")
    assert len(place.read_text().splitlines()) == 1


def test_the_last_picture_stays_on_the_page_until_ctrl_c(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    shown = []

    def look(_: float) -> None:
        address = re.search(r"stays at (\S+) until", caplog.text)
        assert address is not None
        picture = np.frombuffer(next_picture(get(address[1] + "stream.mjpg")), np.uint8)
        shown.append(cv2.imdecode(picture, cv2.IMREAD_COLOR).shape)
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", look)
    with pytest.raises(Incomplete):  # for the one that is no picture
        run(tmp_path, "input=folder", f"input.path={folder}", "output=[images,stream]", "output.stream.port=0")
    assert shown == [(60, 80, 3)]
    assert "1 faces in 2 pictures, 1 not readable; written to " in caplog.messages[-1]
    assert (tmp_path / "out" / "detect" / "none.png.faces.png").is_file()


def test_a_window_ends_the_page_beside_it(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    window = PlainWindow()
    window.keys = [" "]  # it has held the picture until somebody had seen it
    monkeypatch.setattr(window_output, "Window", lambda: window)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it waits"))
    run(tmp_path, f"input.path={folder}/none.png", "output=[window,stream]", "output.stream.port=0")
    assert caplog.messages[-1] == "0 faces in 1 pictures, 0 not readable"
