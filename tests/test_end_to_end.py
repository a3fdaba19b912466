"""The main road as users go it: command lines on the synthetic source, in processes of their own."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mtcnn_lit import MTCNN
from mtcnn_lit.images import read_image, write_image
from mtcnn_lit.nets import ONet, RNet
from mtcnn_lit.sources import Synthetic
from tests.command_lines import SMALL, command, only, train


class Swept(NamedTuple):
    """The output folder of a sweep, the folders of its three runs, and what it printed."""

    output: Path
    runs: list[Path]
    printed: str


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """The whole cascade, trained for two or three epochs in one command."""
    output = tmp_path_factory.mktemp("swept")
    printed = train(output, "-m", "net=pnet,rnet,onet", "epochs={pnet: 3, rnet: 2, onet: 2}")
    return Swept(output, [only(output, f"sweeps/*/{job}") for job in range(3)], printed)


def test_one_command_trains_all_stages_and_hands_over(swept: Swept) -> None:
    summaries = [json.loads((run / "summary.json").read_text()) for run in swept.runs]
    assert [summary["stage"] for summary in summaries] == ["pnet", "rnet", "onet"]
    assert summaries[1]["upstream"] == {"pnet": summaries[0]["weights"]}
    assert summaries[2]["upstream"] == {"pnet": summaries[0]["weights"], "rnet": summaries[1]["weights"]}
    assert [summary["init_from"] for summary in summaries] == [None, None, None]
    for run, summary in zip(swept.runs, summaries, strict=True):
        checkpoint = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
        assert checkpoint["hyper_parameters"] == {"net": summary["stage"], "upstream": summary["upstream"]}


def test_another_round_mines_what_the_earlier_network_took_for_faces(swept: Swept, tmp_path: Path) -> None:
    again = ["data=pnet_again", f"upstream.earlier={swept.runs[0]}", "epochs.pnet=1"]
    printed = train(tmp_path, *again, "net/box_loss=giou", f"init_from={swept.runs[0]}")
    assert "earlier pnet: " in printed
    assert "init_from pnet: " in printed
    assert re.findall(r"next +python train.py net=rnet .*", printed)
    assert not re.findall(r"next .* (net/box_loss|init_from|data)", printed)  # those were P-Net's own
    run = only(tmp_path, "train/pnet/*")
    first = json.loads((swept.runs[0] / "summary.json").read_text())["weights"]
    summary = json.loads((run / "summary.json").read_text())
    assert summary["upstream"] == {"earlier": first}
    assert summary["init_from"] == first
    manifest = json.loads(only(tmp_path, "patches/train-12px-*/manifest.json").read_text())
    assert manifest["mining"]["upstream"] == [first]
    assert manifest["origins"]["cascade"] > 0


def test_two_processes_train_one_run(tmp_path: Path) -> None:
    printed = train(tmp_path, "epochs.pnet=1", "trainer.devices=2", "data.batch_size=20")
    assert printed.count("pnet is trained") == 1
    assert only(tmp_path, "train/*/*/summary.json").is_file()


def test_patches_show_the_margin_that_the_network_will_be_shown(swept: Swept) -> None:
    for size, context in ((24, RNet.context), (48, ONet.context)):
        manifest = json.loads(only(swept.output, f"patches/train-{size}px-*[0-9a-f]/manifest.json").read_text())
        assert manifest["mining"]["context"] == context > 1


def test_the_same_sweep_with_ckpt_path_last_trains_nothing_again(swept: Swept) -> None:
    before = {path: path.stat().st_mtime_ns for path in swept.output.glob("sweeps/*/*/checkpoints/*")}
    printed = train(swept.output, "-m", "net=pnet,rnet,onet", "epochs={pnet: 3, rnet: 2, onet: 2}", "ckpt_path=last")
    assert printed.count("is finished already: nothing to go on with") == 3
    assert {path: path.stat().st_mtime_ns for path in swept.output.glob("sweeps/*/*/checkpoints/*")} == before


def test_what_is_printed_says_where_everything_is_and_what_comes_next(swept: Swept) -> None:
    run, printed = swept.runs[1], swept.printed
    assert f"checkpoint  {run}/checkpoints/best.ckpt" in printed
    assert f"pictures    {run}/pictures" in printed
    assert f"evaluation  {run}/evaluation/report.html" in printed
    assert "next        python train.py net=onet" in printed
    assert "next        python scripts/detect.py" in printed
    assert "Traceback" not in printed
    assert "Warning" not in printed


def test_tensorboard_gets_curves_pictures_histograms_and_hyperparameters(swept: Swept) -> None:
    events = EventAccumulator(str(swept.runs[0])).Reload()
    tags = events.Tags()
    measured = {"loss", "classification_loss", "box_loss", "accuracy", "precision", "recall", "box_iou"}
    assert {f"{split}/{name}" for split in ("train", "val") for name in measured} <= set(tags["scalars"])
    assert {"val/ap", "best/val/ap", "lr-AdamW"} <= set(tags["scalars"])
    evaluation = {
        f"evaluation/{name}" for name in ("precision_recall", "roc", "recall_by_height", "ledger", "detections")
    }
    assert {"train/patches", "val/detections"} | evaluation <= set(tags["images"])
    assert {"evaluation/ap", "evaluation/ap_50_95"} <= set(tags["scalars"])
    assert set(tags["histograms"]) == {"scores/positive", "scores/part", "scores/negative"}
    assert any("hparams" in tag for tag in events.summary_metadata)
    assert len(events.Scalars("val/ap")) == 3


def test_pictures_of_patches_and_detections_lie_in_the_run(swept: Swept) -> None:
    pictures = swept.runs[2] / "pictures"
    assert {path.name for path in pictures.iterdir()} == {"patches.png", "epoch_001.png"}
    assert all(read_image(path).std() > 10 for path in pictures.iterdir())


def test_the_checkpoints_detect_from_python_and_from_the_command_line(swept: Swept, tmp_path: Path) -> None:
    detector = MTCNN.from_checkpoints(*swept.runs, thresholds=(0.3, 0.3, 0.1))
    source = Synthetic("test", num_images={"train": 1, "val": 1, "test": 3})
    for index in range(3):
        write_image(tmp_path / "in" / f"{index}.png", source.read(index))
    (tmp_path / "in" / "broken.jpg").write_text("no picture")
    found = tmp_path / "found.jsonl"
    arguments = ["input=folder", f"input.path={tmp_path / 'in'}", "output=json", f"output.path={found}"]
    thresholds = "detector.thresholds=[0.3,0.3,0.1]"
    script = command(swept.output, *arguments, thresholds, script="scripts/detect.py")
    result = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    lines = [json.loads(line) for line in found.read_text().splitlines()]
    assert [line["image"] for line in lines] == ["0.png", "1.png", "2.png", "broken.jpg"]
    assert "broken.jpg: not a picture" in lines[3]["error"]
    assert sum(len(line["boxes"]) for line in lines[:3]) > 0
    for index in range(3):
        expected = detector.detect(source.read(index))
        np.testing.assert_allclose(np.reshape(lines[index]["boxes"], (-1, 4)), expected.boxes, atol=0.01)
        np.testing.assert_allclose(lines[index]["scores"], expected.scores, atol=1e-5)


@pytest.fixture(scope="module")
def evaluated(swept: Swept) -> tuple[Path, str]:
    """The folder of an evaluation, and what it printed."""
    script = command(swept.output, *SMALL[:4], script="scripts/evaluate.py")
    result = subprocess.run(script, cwd=swept.output, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    return only(swept.output, "evaluate/*"), result.stdout + result.stderr


def test_evaluation_prints_the_figures_and_leaves_a_report(evaluated: tuple[Path, str]) -> None:
    folder, printed = evaluated
    metrics = json.loads((folder / "metrics.json").read_text())
    assert re.search(rf"AP at IoU \.5 +{metrics['ap']:.3f}", printed)
    assert f"report      {folder}/report.html" in printed
    assert set(metrics["weights"]) == {"pnet", "rnet", "onet"}
    assert cv2.imread(str(folder / "detections.png")) is not None


def test_evaluation_on_the_split_that_training_chose_by(swept: Swept, tmp_path: Path) -> None:
    """Training left the figures of its best checkpoint there, at the detector's settings that it used."""
    settings = ["split=val", "detector=training", f"hydra.run.dir={tmp_path}"]
    script = command(swept.output, *SMALL[:4], *settings, script="scripts/evaluate.py")
    result = subprocess.run(script, cwd=swept.output, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    own, after_training = (
        json.loads((folder / "metrics.json").read_text()) for folder in (tmp_path, swept.runs[-1] / "evaluation")
    )
    assert own["ap"] == pytest.approx(after_training["ap"])


def test_the_same_detections_from_their_file_have_the_same_figures(
    swept: Swept, evaluated: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = evaluated
    options = [*SMALL[:4], f"detections={folder / 'detections.jsonl'}", f"hydra.run.dir={tmp_path}"]
    script = command(tmp_path / "no runs", *options, script="scripts/evaluate.py")
    result = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    own, read = (json.loads((each / "metrics.json").read_text()) for each in (folder, tmp_path))
    assert read["ap"] == pytest.approx(own["ap"], abs=1e-3)
    assert read["images"] == own["images"]
    assert "ledger" not in read


def test_each_run_ends_with_an_evaluation_on_the_validation_images(swept: Swept) -> None:
    for run, steps in zip(swept.runs, (3, 4, 6), strict=True):
        metrics = json.loads((run / "evaluation" / "metrics.json").read_text())
        assert len(metrics["ledger"]["steps"]) == steps
        assert metrics["images"] == 6
        assert (run / "evaluation" / "report.html").is_file()
        assert json.loads((run / "summary.json").read_text())["evaluation/ap"] == pytest.approx(metrics["ap"])
