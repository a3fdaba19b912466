"""Thresholds by recall: the table, and the command with the configuration that it writes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from mtcnn_lit.cascade import Cascade
from mtcnn_lit.errors import Incomplete, UserError
from mtcnn_lit.experiment import calibrate as module
from mtcnn_lit.experiment.calibrate import calibrate, config_file, rounded_down, trade_off
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.mining.recall import RecallCurve
from mtcnn_lit.nets import ONet, PNet, RNet
from mtcnn_lit.nets.weights import save_net
from tests.bright_squares import picture
from tests.broken_picture import break_the_first_picture
from tests.mining.pictures import Pictures, annotate
from tests.test_configs import composed

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import pathlib, sys; from mtcnn_lit.experiment import cli, evaluate; "
    "cli.run(evaluate.evaluate, 'evaluate', pathlib.Path(sys.argv.pop(1)))"
)


def curve(best: list[float], scores: list[float]) -> RecallCurve:
    return RecallCurve("P-Net", np.float32(best), np.float32(scores), images=2, lowest=0.02)


def test_the_trade_off_by_hand() -> None:
    """Ten faces, of which one is never found; eight candidates in two images."""
    faces = [0.95, 0.9, 0.9, 0.85, 0.8, 0.7, 0.6, 0.5, 0.3, 0]
    text = trade_off(curve(faces, [0.95, 0.9, 0.85, 0.8, 0.5, 0.4, 0.3, 0.1]), 0.9)
    assert text.splitlines() == [
        "P-Net   recall  threshold  candidates an image",
        "        0.800      0.500                  2.5",
        "        0.900      0.300                  3.5",
        "        0.900      0.300                  3.5  <- chosen",
        "        0.930  out of reach: 0.900 at most",
        "        0.950  out of reach: 0.900 at most",
        "        0.970  out of reach: 0.900 at most",
        "        0.980  out of reach: 0.900 at most",
        "        0.990  out of reach: 0.900 at most",
    ]


@pytest.mark.parametrize(
    ("threshold", "written"), [(0.45678, 0.4567), (float(np.float32(0.7)), 0.6999), (0.02, 0.02), (1.0, 1.0)]
)
def test_what_is_written_keeps_the_face_at_the_threshold(threshold: float, written: float) -> None:
    assert rounded_down(threshold) == written <= threshold


def test_each_network_is_measured_behind_the_thresholds_that_are_written(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """On all pictures; the recall of each network is that of its own, and one out of reach is told."""
    seen: list[tuple[int, tuple[float, ...]]] = []

    def measure(cascade: Cascade, source: Pictures, *, lowest: float, images: int, workers: int) -> RecallCurve:
        assert (lowest, images, workers) == (0.02, 300, 2)
        seen.append((len(cascade.nets), cascade.thresholds))
        return curve([[0.9, 0.45678, 0.3, 0.2], [0.8, 0.7, 0.65432, 0], [0.5, 0.5, 0.5, 0]][len(seen) - 1], [0.9])

    monkeypatch.setattr(module, "recall_curve", measure)
    source = Pictures(*[(picture(20, 20), annotate((2, 2, 9, 9)))] * 300)
    cascade = Cascade(PNet(), RNet(), ONet(), thresholds=(0.6, 0.7, 0.8))
    curves, calibrated = module._measure(cascade, [0.5, 0.75, 1.0], source, workers=2)
    assert seen == [(1, (0.6, 0.7, 0.8)), (2, (0.4567, 0.7, 0.8)), (3, (0.4567, 0.6543, 0.8))]
    assert (len(curves), calibrated.nets) == (3, cascade.nets)
    assert calibrated.thresholds == (0.4567, 0.6543, 0.02)
    assert caplog.messages == ["P-Net reaches a recall of 0.750 at most"]


@pytest.mark.parametrize("name", ["", "sub/mine", "../evil", "a b", "-a", ".hidden", "a.b", "a,b", "ä", "12"])
def test_what_is_no_name_of_a_configuration(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as error:
        config_file(name, tmp_path)
    wanted = "calibration: must be a name such as mine_2, of letters, digits, _ and -, not"
    assert str(error.value) == f"{wanted} '{name}'"


def test_a_folder_that_can_not_be_written_to_is_told_before_anything_is_measured(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^calibration: can't write .*mine\.yaml: No such file or directory; run it"):
        config_file("mine", tmp_path / "missing")
    assert config_file("my-2_nd", tmp_path) == tmp_path / "my-2_nd.yaml"
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Calibrates untrained networks, with a copy of the configurations to write to."""
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    weights = []
    for name, net in (("pnet", PNet()), ("rnet", RNet()), ("onet", ONet())):
        save_net(net, name, tmp_path / f"{name}.safetensors", {})
        weights.append(f"detector.weights.{name}={tmp_path / name}.safetensors")
    source = ["source.num_images={train: 1, val: 2, test: 1}", "source.image_size=[200, 200]", "workers=0"]
    return [sys.executable, "-c", PROGRAM, str(tmp_path / "configs"), "calibrate=true", *weights, *source]


def test_the_command_writes_a_detector(command: list[str], tmp_path: Path) -> None:
    more = ["recall=[0.5]", "calibration=mine", "detector.thresholds=[0.6,0.7,0.8]", "paths.output_dir=my runs"]
    result = subprocess.run([*command, *more], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "<- chosen" in result.stdout + result.stderr
    (following,) = [line for line in result.stdout.splitlines() if line.startswith("next")]
    weights = " ".join(f"detector.weights.{name}={tmp_path}/{name}.safetensors" for name in ("pnet", "rnet", "onet"))
    assert following == (
        f"next        python scripts/detect.py detector=mine {weights} 'paths.output_dir=my runs' … or "
        "python train.py detector@cascade=mine 'paths.output_dir=my runs' …"
    )
    path = tmp_path / "configs" / "detector" / "mine.yaml"
    written = yaml.safe_load(path.read_text())
    assert set(written) == {"min_face_size", "scale_factor", "thresholds"}
    assert written["thresholds"][1:] == [0.7, 0.8]
    for script, key in (("train.py", "detector@cascade"), ("scripts/detect.py", "detector")):
        options = ["input.path=x"] if key == "detector" else []
        program = [sys.executable, str(ROOT / script), "--config-dir", str(tmp_path / "configs")]
        shown = subprocess.run(
            [*program, f"{key}=mine", *options, "--cfg", "job"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        node = yaml.safe_load(shown.stdout)[key.rpartition("@")[2]]
        assert node["thresholds"] == written["thresholds"]


def test_a_picture_that_can_not_be_read_is_in_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    break_the_first_picture(monkeypatch, "val")
    monkeypatch.setattr(module, "_configs", lambda: tmp_path)
    (tmp_path / "detector").mkdir()
    source = ["source.num_images={train: 1, val: 3, test: 1}", "source.image_size=[200, 200]", "workers=0"]
    with pytest.raises(Incomplete):
        calibrate(composed("evaluate", ["calibrate=true", "calibration=mine", "detector/weights=pretrained", *source]))
    first, *_ = (tmp_path / "detector" / "mine.yaml").read_text().splitlines()
    assert re.search(r"on: Synthetic val: 3 images, .*; 2 of the images could be read$", first)


def test_what_can_not_be_calibrated_is_told_in_one_line(command: list[str], tmp_path: Path) -> None:
    result = subprocess.run([*command, "calibration=recall"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 1
    assert "was not written by a calibration; choose another name" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ("split=train", "split: a calibration measures on val; leave it out"),
        ("split=test", "split: a calibration measures on val; leave it out"),
        ("detections=f.jsonl", "detections: a calibration detects by itself; leave it out"),
        ("recall=[]", "recall: one to three shares above 0 and up to 1 are needed, not []"),
        ("recall=[1.2]", "recall: one to three shares above 0 and up to 1 are needed, not [1.2]"),
        (
            "calibration=sub/mine",
            "calibration: must be a name such as mine_2, of letters, digits, _ and -, not 'sub/mine'",
        ),
        ("workers=-1", "calibrate: workers must be a whole number, 0 or more, not -1"),
        (
            "source.faces_per_image=[0,0]",
            "no face in the val split (Synthetic val: 60 images, 0 faces, 0 ignored, 0 skipped); "
            "check source.faces_per_image and source.num_images",
        ),
    ],
)
def test_what_can_not_be_calibrated_is_told_before_anything_is_detected(override: str, complaint: str) -> None:
    nothing = [f"detector.weights.{name}=nowhere" for name in ("pnet", "rnet", "onet")]
    with pytest.raises(UserError) as error:
        calibrate(composed("evaluate", ["calibrate=true", override, *nothing]))
    assert str(error.value) == complaint
