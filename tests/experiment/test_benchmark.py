"""`scripts/benchmark.py` end to end, on little: what it prints and keeps. No time is ever asserted."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf, open_dict

from mtcnn_lit import MTCNN
from mtcnn_lit.benchmark import detection
from mtcnn_lit.benchmark.picture_set import PictureSet
from mtcnn_lit.benchmark.process import Profile, Run
from mtcnn_lit.experiment import benchmark_stage
from mtcnn_lit.experiment.benchmark import check_numbers
from mtcnn_lit.experiment.benchmark_stage import benchmark_training, use_detector_weights_upstream
from mtcnn_lit.experiment.check import ConfigError
from mtcnn_lit.experiment.schema import register
from mtcnn_lit.images import write_image
from mtcnn_lit.nets import ONet, PNet, RNet
from mtcnn_lit.nets.weights import save_net
from mtcnn_lit.sources import Synthetic
from mtcnn_lit.stages import Stage
from tests.forked import run_forked

ROOT = Path(__file__).parents[2]
WORKER = """
import json, sys
settings = json.loads(sys.stdin.readline())
print(json.dumps({"threads": settings["threads"]}), flush=True)
assert settings["device"] == "cpu"
for line in sys.stdin:
    print(json.dumps({"seconds": 1000.0, "faces": 3}), flush=True)
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """Measures untrained networks once."""
    weights = []
    for name, net in (("pnet", PNet()), ("rnet", RNet()), ("onet", ONet())):
        save_net(net, name, tmp_path / f"{name}.safetensors", {})
        weights.append(f"detector.weights.{name}={tmp_path / name}.safetensors")
    few = ["warmup=0", "repeats=1", "limit=2", "megapixels=[0.05]", "threads=[1]", "hydra.run.dir=out"]
    return [sys.executable, str(ROOT / "scripts" / "benchmark.py"), *weights, *few]


def run(command: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=200, env=environment)


def test_detection_beside_another_detector(command: list[str], tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(WORKER)
    peer = ["peer=facenet_pytorch", f"peer.python={sys.executable}", f"peer.worker={tmp_path / 'worker.py'}"]
    result = run([*command, *peer, "mosaic=[100,140]"], tmp_path)
    assert result.returncode == 0, result.stderr
    figures = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert figures["device"] == "cpu"
    rows = [(row["pictures"], row["batch_size"], row["images"]) for row in figures["detection"]]
    assert rows == [("drawn", 1, 2), ("drawn", 2, 2), ("0.05 MP", 1, 1), ("crowd 140x100", 1, 1)]
    for row in figures["detection"]:
        assert row["ms"] > 0
        assert row["macs"] > 0
        assert list(row["step_ms"]) == ["pnet", "pnet_nms", "rnet", "onet", "nms", "again"]
    assert figures["detection"][-1]["megapixels"] == 0.014
    beside = {row["pictures"]: row for row in figures["comparison"]}
    assert list(beside) == ["drawn", "crowd 140x100"]
    assert (beside["drawn"]["peer_ms"], beside["drawn"]["peer_faces"]) == (1e6, 3)
    assert len(beside["drawn"]["ratios"]) == 2
    printed = result.stdout + result.stderr
    assert "beside facenet-pytorch, one picture at a time" in printed
    assert f"figures     {tmp_path}/out/benchmark.json" in printed
    assert "Warning" not in printed


def test_the_pictures_of_a_folder(command: list[str], tmp_path: Path) -> None:
    source = Synthetic("test", num_images={"test": 3}, image_size=(60, 80), face_height=(20, 40))
    for index in range(3):
        write_image(tmp_path / "in" / f"{index}.png", source.read(index))
    result = run([*command, f"images={tmp_path / 'in'}", "megapixels=[]", "batch_sizes=[1]"], tmp_path)
    assert result.returncode == 0, result.stderr
    (row,) = json.loads((tmp_path / "out" / "benchmark.json").read_text())["detection"]
    assert (row["pictures"], row["images"], row["megapixels"]) == ("pictures", 2, 0.0048)


class _Process:
    """Of a detector, as `DetectorProcess`, and what it was asked."""

    asked: ClassVar[list[list[str]]] = []

    def __init__(self, *_: object) -> None:
        self.asked.append([])

    def __enter__(self) -> _Process:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def detect(self, pictures: Sequence[Path]) -> Run:
        self.asked[-1].append(f"detect {len(pictures)}")
        return Run(1.0, 0)

    def peak_memory(self) -> int:
        self.asked[-1].append("peak")
        return 1

    def profile(self, picture: Path) -> Profile:
        self.asked[-1].append("profile")
        return Profile({"pnet": 1.0}, {"pnet": 1}, 1.0)

    def matrix_rate(self) -> float:
        self.asked[-1].append("rate")
        return 1.0


def test_each_batch_size_has_its_own_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What is measured besides detection comes after the peak, and in a process that measures no other peak."""
    monkeypatch.setattr(detection, "DetectorProcess", _Process)
    monkeypatch.setattr(_Process, "asked", [])
    black = [np.zeros((40, 50, 3), np.uint8)] * 2
    pictures = PictureSet.write(tmp_path, "two", black, [1, 2], with_peer=False)
    measured, _ = detection.measure(pictures, 1, detection.Plan(MTCNN.from_pretrained, None, 0, 1))
    assert [each.batch_size for each in measured] == [1, 2]
    after = ["peak", "profile", "profile", "rate"]
    assert _Process.asked == [["detect 1", "detect 1", *after], ["detect 2", *after]]


def composed(tmp_path: Path, *overrides: str) -> DictConfig:
    register()
    size = ["source.num_images={train: 4, val: 1, test: 1}", "source.image_size=[80,100]", "source.face_height=[20,40]"]
    paths = [f"paths.run_dir={tmp_path}", f"paths.output_dir={tmp_path}", "source.faces_per_image=[2,3]"]
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        config = compose("benchmark", [*overrides, *size, *paths], return_hydra_config=True)
    HydraConfig.instance().set_config(config)
    with open_dict(config):
        del config["hydra"]
    return config


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["net=onet"], {"pnet": "pretrained", "rnet": "pretrained"}),
        (["net=rnet", "upstream.pnet=mine.ckpt"], {"pnet": "mine.ckpt", "rnet": None}),
        (["net=pnet"], {"pnet": None, "rnet": None}),
    ],
)
def test_without_runs_the_released_networks_mine(
    tmp_path: Path, overrides: list[str], expected: dict[str, str | None]
) -> None:
    config = composed(tmp_path, *overrides)
    use_detector_weights_upstream(config)
    assert {name: config.upstream[name] for name in expected} == expected


def test_mining_is_told_with_its_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(benchmark_stage, "mining_memory", lambda part, _: 1e6 * len(part))  # takes fresh processes
    few = ["what=mining", "net=rnet", "data.mining_workers=0", "mining_images=2", "repeats=1", "warmup=0"]
    figures = benchmark_stage.benchmark_mining(composed(tmp_path, *few))
    (bar,) = figures["mining"]
    assert bar["name"] == "rnet mining against detecting in 2 images"
    assert figures["peak_memory"] == {"1": 1e6, "2": 2e6}
    assert "peak memory of mining 2 images above the idle process: 2 MB" in caplog.text


def test_the_end_of_an_epoch_counts_with_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order = []
    logged, bare = Stage.on_train_epoch_end, benchmark_stage.bare_epoch
    monkeypatch.setattr(Stage, "on_train_epoch_end", lambda stage: (order.append("figures"), logged(stage))[1])
    monkeypatch.setattr(benchmark_stage, "bare_epoch", lambda *a, **k: (order.append("bare"), bare(*a, **k))[1])
    few = ["what=training", "batches=2", "data.batch_size=10", "data.mining_workers=0", "repeats=1", "warmup=0"]
    benchmark_stage.benchmark_training(composed(tmp_path, *few))
    assert order == ["figures", "bare"]


@pytest.mark.parametrize(
    ("what", "net"), [("training", "pnet"), pytest.param("mining", "rnet", marks=pytest.mark.slow)]
)
def test_a_stage(command: list[str], tmp_path: Path, what: str, net: str) -> None:
    size = ["source.num_images={train: 4, val: 1, test: 1}", "source.image_size=[80,100]", "source.face_height=[20,40]"]
    data = ["data.batch_size=10", "data.workers=0", "data.mining_workers=0", "batches=2", "mining_images=2"]
    result = run([*command, f"what={what}", f"net={net}", *size, "source.faces_per_image=[2,3]", *data], tmp_path)
    assert result.returncode == 0, result.stderr
    figures = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    (bar,) = figures[what]
    name = {
        "training": "pnet epoch of 2 batches of 10 against a bare loop",
        "mining": "rnet mining against detecting in 2 images",
    }[what]
    assert bar["name"] == name
    assert bar["seconds"] > 0
    assert bar["plain_seconds"] > 0
    assert name in result.stdout
    if what == "mining":
        assert list(figures["peak_memory"]) == ["1", "2"]


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ("images=nowhere", "error: no pictures in nowhere: set images to a folder of pictures, or leave it out"),
        ("what=training trainer.precision=64-true", "error: trainer.precision: must be one of 32-true, "),
        ("what=training +trainer.fast_dev_run=1", "error: trainer.fast_dev_run: it keeps no checkpoint"),
        ("what=training trainer.limit_train_batches=0", "error: trainer.limit_train_batches: a benchmark counts"),
        ("ckpt_path=last", "error: ckpt_path: a benchmark trains from the beginning; leave it out"),
        (
            "what=mining peer=facenet_pytorch peer.python=x",
            "error: peer: is another detector; with what=mining leave it out",
        ),
        ("what=nothing", "error: what: Invalid value 'nothing', expected one of [detection, training, mining]"),
        ("peer=facenet_pytorch", "error: peer.python has no value: set it with peer.python=…"),
        (
            "peer=facenet_pytorch peer.python=x batch_sizes=[2]",
            "error: batch_sizes: a peer is compared one picture at a time, so 1 must be among them, not [2]",
        ),
    ],
)
def test_one_line_says_what_is_missing(command: list[str], tmp_path: Path, overrides: str, complaint: str) -> None:
    result = run_forked(*command[1:], *overrides.split(), cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(complaint)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("override", "how"),
    [
        ("trainer.max_epochs=7", "counts epochs by warmup=… and repeats=…"),
        ("epochs.pnet=7", "counts epochs by warmup=… and repeats=…"),
        ("trainer.limit_val_batches=2", "leaves validation out"),
    ],
)
def test_what_the_measurement_of_training_sets_itself(tmp_path: Path, override: str, how: str) -> None:
    with pytest.raises(ConfigError) as error:
        benchmark_training(composed(tmp_path, "what=training", override))
    assert str(error.value) == f"{override.partition('=')[0]}: a benchmark {how}; leave it out"


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ({"repeats": 0}, "repeats must be 1 or more, not 0"),
        ({"warmup": -1}, "warmup must be 0 or more, not -1"),
        ({"threads": []}, "threads must be a list of numbers from 1 on, not []"),
        ({"batch_sizes": [4, 0]}, "batch_sizes must be a list of numbers from 1 on, not [4, 0]"),
        ({"megapixels": [1, -1]}, "megapixels must all be 0.001 or more, not [1, -1]"),
        ({"megapixels": [1e-7]}, "megapixels must all be 0.001 or more, not [1e-07]"),
        ({"megapixels": [float("nan")]}, "megapixels must all be 0.001 or more, not [nan]"),
        ({"megapixels": [0.3, 1, 0.3]}, "megapixels must all differ: [0.3, 1, 0.3]"),
        ({"megapixels": [0.3, 0.30000001]}, "megapixels must all differ: [0.3, 0.30000001]"),
        ({"mosaic": [5]}, "mosaic must be a height and a width, such as [1080,1920], not [5]"),
    ],
)
def test_numbers_that_make_no_sense(setting: dict[str, Any], complaint: str) -> None:
    config = OmegaConf.merge(OmegaConf.load(ROOT / "configs" / "benchmark.yaml"), setting)
    with pytest.raises(ConfigError) as error:
        check_numbers(config)
    assert str(error.value) == complaint
