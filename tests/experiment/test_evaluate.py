"""`evaluate.py` of a whole cascade: what it looks at before minutes of detecting."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mtcnn_lit.experiment.evaluate import official_truth
from mtcnn_lit.images import write_image
from mtcnn_lit.metrics import WiderFaceTruth
from mtcnn_lit.metrics.widerface_truth import ImageTruth
from mtcnn_lit.sources import SourceError, WiderFace
from tests.forked import run_forked


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """WIDER FACE with one validation picture, and an empty folder for the official lists."""
    (tmp_path / "wider_face_split").mkdir()
    annotations = tmp_path / "wider_face_split" / "wider_face_val_bbx_gt.txt"
    annotations.write_text("0--Parade/a.jpg\n1\n10 20 30 40 0 0 0 0 0 0\n")
    write_image(tmp_path / "WIDER_val" / "images" / "0--Parade" / "a.jpg", np.zeros((80, 60, 3), np.uint8))
    (tmp_path / "eval_ground_truth").mkdir()
    return tmp_path


def test_lists_that_can_not_be_used_are_told_before_anything_is_detected(root: Path, tmp_path: Path) -> None:
    weights = [f"detector.weights.{name}=pretrained" for name in ("pnet", "rnet", "onet")]
    result = run_forked(
        "scripts/evaluate.py", "source=widerface", f"source.root={root}", f"hydra.run.dir={tmp_path / 'out'}", *weights
    )
    assert result.returncode == 1
    assert result.stderr == (
        f"error: {root}/eval_ground_truth/wider_face_val.mat: No such file or directory; "
        "take the ground_truth folder of the official eval_tools.zip\n"
    )


def test_the_official_lists_are_those_of_the_pictures(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_faces = ImageTruth(torch.zeros(0, 4), torch.zeros(3, 0, dtype=torch.bool))
    known = {"0--Parade/a.jpg": no_faces, "3--Riot/b.jpg": no_faces}
    monkeypatch.setattr(WiderFaceTruth, "load", lambda folder: WiderFaceTruth(known))
    truth = official_truth(WiderFace(root, "test"))
    assert truth is not None
    assert list(truth.images) == ["0--Parade/a.jpg"]
    assert official_truth(WiderFace(root, "test", truth=None)) is None
    del known["0--Parade/a.jpg"]
    with pytest.raises(SourceError, match=r"no picture '0--Parade/a\.jpg' in WIDER FACE's ground truth"):
        official_truth(WiderFace(root, "test"))


def test_a_split_without_a_face_is_told_and_measured(tmp_path: Path) -> None:
    """Pictures without a face tell of false positives."""
    weights = [f"detector.weights.{name}=pretrained" for name in ("pnet", "rnet", "onet")]
    source = ["source.num_images.test=1", "source.image_size=[160,200]", "source.faces_per_image=[0,0]"]
    result = run_forked("scripts/evaluate.py", *source, f"hydra.run.dir={tmp_path}", *weights)
    assert result.returncode == 0
    assert result.stdout.splitlines()[0] == (
        "no face in the test split (Synthetic test: 1 images, 0 faces, 0 ignored, 0 skipped); "
        "check source.faces_per_image and source.num_images"
    )
    assert (tmp_path / "metrics.json").is_file()


def test_the_other_jobs_of_a_sweep_run_when_a_picture_can_not_be_read(tmp_path: Path) -> None:
    """`split=val,test` of a data set with a broken picture in the first."""
    for split in ("val", "test"):
        write_image(tmp_path / "images" / split / "a.png", np.zeros((80, 60, 3), np.uint8))
        (tmp_path / "labels" / split).mkdir(parents=True)
        (tmp_path / "labels" / split / "a.txt").write_text("0 .5 .5 .5 .5\n")
        (tmp_path / "labels" / split / "b.txt").write_text("0 .5 .5 .5 .5\n")
    whole = (tmp_path / "images" / "val" / "a.png").read_bytes()
    (tmp_path / "images" / "val" / "b.png").write_bytes(whole[: len(whole) // 2])
    source = ["source=yolo", f"source.root={tmp_path}", "split=val,test", f"paths.output_dir={tmp_path}/out"]
    result = run_forked("scripts/evaluate.py", "-m", *source, "detector/weights=pretrained")
    assert result.returncode == 1
    places = sorted((tmp_path / "out" / "evaluate").glob("*/*/metrics.json"))
    read = [json.loads(path.read_text()) for path in places]
    assert [(each["images"], each["unreadable"]) for each in read] == [(2, 1), (1, 0)]
    assert "Faces not lost yet after each step (IoU 0.5), in the images that can be read:" in result.stdout


@pytest.mark.parametrize("setting", ["recall=.97,.95", "calibration=mine", "workers=1"])
def test_settings_of_a_calibration_without_one_are_refused(tmp_path: Path, setting: str) -> None:
    result = run_forked("scripts/evaluate.py", setting, f"hydra.run.dir={tmp_path}")
    key = setting.partition("=")[0]
    assert result.stderr == f"error: {key}: is for calibrations alone; add calibrate=true, or leave it out\n"
    assert result.returncode == 1
