"""What users get wrong ends in one clear line and exit status 1."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig

from mtcnn_lit.errors import Diverged
from mtcnn_lit.experiment import cli
from tests.command_lines import SMALL
from tests.forked import run_forked
from tests.full_disk import needs_full_device
from tests.test_configs import composed

CASES = {
    "wrong net": (
        ["train.py", "net=rnte"],
        "error: net=rnte: no such configuration; did you mean rnet? There are: onet, pnet, rnet",
    ),
    "wrong key": (
        ["train.py", "trainer.max_epoch=3"],
        "error: trainer.max_epoch: no such key; did you mean max_epochs?",
    ),
    "wrong key at the top": (["train.py", "sede=3"], "error: sede: no such key; did you mean seed?"),
    "added wrong key": (
        ["train.py", "+trainer.gradient_clip_vall=1"],
        "error: trainer.gradient_clip_vall: lightning.Trainer takes no such argument; did you mean gradient_clip_val?",
    ),
    "wrong type": (
        ["train.py", "seed=abc"],
        "error: seed: Value 'abc' of type 'str' could not be converted to Integer",
    ),
    "wrong type in a list": (
        ["scripts/detect.py", "input.path=any", "detector.thresholds=[0.5,a,1]"],
        "error: detector.thresholds[1]: Value 'a' of type 'str' could not be converted to Float",
    ),
    "missing folder": (
        ["train.py", "source=widerface", "source.root=/nowhere"],
        "error: /nowhere: no such folder; set source.root to the folder that holds WIDER_train and wider_face_split",
    ),
    "a missing folder named by a date": (
        ["train.py", "source=yolo", "source.root=2024_01_05"],
        "error: 2024_01_05: no such folder; set source.root to the folder that holds 'images' and 'labels'",
    ),
    "a missing folder named by a year": (
        ["scripts/evaluate.py", "source=coco", "source.root=2024", "hydra.run.dir={tmp}"],
        "error: 2024: no such folder; set source.root to the folder that holds the pictures and the instances JSON",
    ),
    "no upstream": (
        ["train.py", "net=onet", "paths.output_dir={tmp}"],
        "error: no finished pnet run below {tmp}: train one with 'python train.py net=pnet', "
        "or name a checkpoint with upstream.pnet=PATH",
    ),
    "no earlier run": (
        ["train.py", "data=pnet_again", "upstream.earlier=newest", "paths.output_dir={tmp}"],
        "error: no finished pnet run below {tmp}: train one with 'python train.py net=pnet', "
        "or name a checkpoint with upstream.earlier=PATH",
    ),
    "no run to start from": (
        ["train.py", "init_from=newest", "paths.output_dir={tmp}"],
        "error: no finished pnet run below {tmp}: train one with 'python train.py net=pnet', "
        "or name a checkpoint with init_from=PATH",
    ),
    "another round without an earlier one": (
        ["train.py", "data=pnet_again", "paths.output_dir={tmp}"],
        "error: upstream.earlier: this miner needs a trained network; set it to newest or to a run",
    ),
    "an earlier run for a miner without networks": (
        ["train.py", "upstream.earlier=pretrained", "paths.output_dir={tmp}"],
        "error: upstream.earlier: this miner takes no network; choose data=pnet_again",
    ),
    "another round of a later network": (
        ["train.py", "net=rnet", "upstream.pnet=pretrained", "upstream.earlier=pretrained", "paths.output_dir={tmp}"],
        "error: upstream.earlier: another round is for net=pnet alone; leave it out",
    ),
    "an upstream network that is the stage itself": (
        ["train.py", "upstream.pnet=NOSUCH"],
        "error: upstream.pnet: pnet is not trained behind pnet; leave it out, "
        "or to start from these weights take init_from=NOSUCH",
    ),
    "an upstream network that comes after the stage": (
        ["train.py", "upstream.rnet=NOSUCH"],
        "error: upstream.rnet: pnet is not trained behind rnet; leave it out",
    ),
    "no checkpoint": (
        ["train.py", "ckpt_path={tmp}/none.ckpt"],
        "error: no checkpoint at {tmp}/none.ckpt: name a .ckpt file or a run's folder",
    ),
    "refused setting": (
        ["train.py", "data.thresholds.positive=0.1"],
        "error: data: label thresholds must obey 0 <= negative <= part <= positive <= 1, "
        "not LabelThresholds(positive=0.1, part=0.4, negative=0.3)",
    ),
    "recall in percent": (
        ["train.py", "net=rnet", "upstream.pnet=pretrained", "data.miner.recall=[95]"],
        "error: data.miner: recall must hold shares above 0, and 1 at most, not [95]",
    ),
    "a ratio of two": (
        ["train.py", "data.ratio=[1,3]"],
        "error: data.ratio: must be three shares of 0 or more, one of them above 0, not [1, 3]",
    ),
    "no picture to draw": (
        ["train.py", "callbacks.render_detections.images=0"],
        "error: callbacks.render_detections: images must be a whole number, 1 or more, not 0",
    ),
    "no face to learn": (
        ["train.py", "source.faces_per_image=[0,0]"],
        "error: no face in the train split (Synthetic train: 400 images, 0 faces, 0 ignored, 0 skipped); "
        "check source.faces_per_image and source.num_images",
    ),
    "training that would keep nothing": (
        ["train.py", "trainer.check_val_every_n_epoch=9", "trainer.max_epochs=4"],
        "error: trainer.check_val_every_n_epoch: the last of 4 epochs would not be validated, every 9, "
        "and so never be the best; set it to one of 1, 2, 4",
    ),
    "an argument that is not in the configuration": (
        ["train.py", "trainer.fast_dev_run=true"],
        "error: trainer.fast_dev_run: not set by the configuration; add it with +trainer.fast_dev_run=…",
    ),
    "a list of experiments": (
        ["train.py", "experiment=[release]"],
        "error: experiment: takes the name of one configuration: experiment=NAME",
    ),
    "no logger": (["train.py", "logger=null"], "error: logger=null: no such configuration. There are: tensorboard"),
    "no augmentation": (
        ["train.py", "augment=null"],
        "error: augment=null: no such configuration. There are: default, moderate, none, strong",
    ),
    "too short a list": (
        ["train.py", "source.image_size=[160]"],
        "error: source.image_size must be height and width in whole pixels, not [160]",
    ),
    "no end": (["train.py", "epochs.pnet=-1"], "error: epochs.pnet: training has to have an end; set it to 1 or more"),
    "the highest loss as the best": (
        ["train.py", "monitor.metric=val/loss"],
        "error: monitor.mode: val/loss is better when lower; set it to min",
    ),
    "no best checkpoint": (
        ["train.py", "~callbacks.checkpoint"],
        "error: callbacks.checkpoint: without it no weights are kept as the best; leave it in",
    ),
    "more than the best checkpoint": (
        ["train.py", "+callbacks.checkpoint.save_top_k=3"],
        "error: callbacks.checkpoint.save_top_k: several would all be written to checkpoints/best.ckpt, over each "
        "other; set it to 1",
    ),
    "another name of the best checkpoint": (
        ["train.py", "callbacks.checkpoint.filename=top"],
        "error: callbacks.checkpoint.filename: every command looks for checkpoints/best.ckpt in the run's folder; "
        "set it to best",
    ),
    "another folder of the last checkpoint": (
        ["train.py", "callbacks.last_checkpoint.dirpath=elsewhere", "hydra.run.dir={tmp}"],
        "error: callbacks.last_checkpoint.dirpath: every command looks for checkpoints/last.ckpt in the run's folder; "
        "set it to {tmp}/checkpoints",
    ),
    "a seed that is none": (
        ["train.py", "seed=-1"],
        "error: seed: -1 is not in bounds, numpy accepts from 0 to 4294967295",
    ),
    "several processes in a multirun": (
        ["train.py", "-m", "trainer.devices=2", "paths.output_dir={tmp}"],
        "error: trainer.devices: several processes can't train in a multirun; "
        "set it to 1 and take one job per GPU (hydra/launcher=submitit_slurm)",
    ),
    "patches of another network": (
        ["train.py", "net=rnet", "data=pnet", "upstream.pnet=pretrained", "paths.output_dir={tmp}"],
        "error: data.miner.size: rnet takes patches of 24 px, not 12; choose data=rnet",
    ),
    "a setting that Lightning refuses": (
        ["train.py", "+trainer.limit_train_batches=2.5"],
        "error: trainer: You have passed invalid value 2.5 for limit_train_batches, "
        "it has to be in [0.0, 1.0] or an int.",
    ),
    "wrong device": (
        ["scripts/evaluate.py", "detector.device=cdua", "hydra.run.dir={tmp}"]
        + [f"detector.weights.{net}=pretrained" for net in ("pnet", "rnet", "onet")],
        "error: detector: device 'cdua': torch finds none here; take cpu or auto",
    ),
    "no device": (
        ["scripts/evaluate.py", "net=pnet", "detector.device=", "hydra.run.dir={tmp}"],
        "error: detector: device '': torch finds none here; take cpu or auto",
    ),
    "wrong device for one network": (
        ["scripts/evaluate.py", "net=pnet", "detector.device=cdua", "hydra.run.dir={tmp}"],
        "error: detector: device 'cdua': torch finds none here; take cpu or auto",
    ),
    "wrong backend": (
        ["scripts/evaluate.py", "detector.backend=onxx", "hydra.run.dir={tmp}"]
        + [f"detector.weights.{net}=pretrained" for net in ("pnet", "rnet", "onet")],
        "error: detector: backend must be torch or onnx, not onxx",
    ),
    "wrong split": (
        ["scripts/evaluate.py", "split=vall", "hydra.run.dir={tmp}"],
        "error: split: must be one of train, val, test, not vall",
    ),
    "wrong output in a list": (
        ["scripts/detect.py", "output=json,imgaes", "input.path=any"],
        "error: output=imgaes: no such configuration; did you mean images? "
        "There are: crops, csv, images, json, stream, video, window",
    ),
    "a path of an output that is not chosen": (
        ["scripts/detect.py", "output=images,csv", "input.path=any", "output.json.path=x.jsonl"],
        "error: output.json is not among the outputs: take output=images,csv,json",
    ),
    "a name that looks like an interpolation": (
        ["scripts/detect.py", "input.path=a${{b}}.jpg"],
        "error: input.path: Interpolation key 'b' not found; "
        "${{…}} stands for the value of a key, no name may hold ${{",
    ),
    "a name that begins as an interpolation": (
        ["scripts/detect.py", "input.path=a${{b c}}.jpg"],
        "error: input.path: token recognition error at: ' c'; "
        "${{…}} stands for the value of a key, no name may hold ${{",
    ),
    "a group of another command": (
        ["scripts/detect.py", "augment=none"],
        "error: augment: no such key or group of this command",
    ),
    "a group at its place in another command": (
        ["train.py", "detector=recall"],
        "error: detector: no such key or group of this command; did you mean detector@cascade?",
    ),
    "a group within a group of another command": (
        ["train.py", "detector/weights=pretrained"],
        "error: detector/weights: no such key or group of this command",
    ),
    "no match": (
        ["scripts/detect.py", "input.path={tmp}/it's (1)*.jpg"],
        "error: no picture matches {tmp}/it's (1)*.jpg: looked for files ending in "
        ".avif, .bmp, .gif, .jpeg, .jpg, .png, .tif, .tiff, .webp",
    ),
    "no camera": (
        ["scripts/detect.py", "input=webcam", "input.device=rtsp://nobody:a=1&b@127.0.0.1:9/x?y"],
        "error: no camera at rtsp://nobody:a=1&b@127.0.0.1:9/x?y, or another program has it: "
        "set input.device to a camera's number (0 is the first), its address, or a video file, "
        "or wait longer with input.patience=SECONDS",
    ),
    "no folder to write to": (
        ["train.py", f"hydra.run.dir={__file__}/run"],
        f"error: {__file__}/run: Not a directory; "
        "name a folder that can be written by paths.output_dir=FOLDER or hydra.run.dir=FOLDER",
    ),
    "a file where a folder should be": (
        ["scripts/evaluate.py", f"hydra.run.dir={__file__}"],
        f"error: {__file__}: File exists; "
        "name a folder that can be written by paths.output_dir=FOLDER or hydra.run.dir=FOLDER",
    ),
    "no picture": (
        ["scripts/detect.py", "input.path={tmp}/none.jpg"],
        "error: no picture at {tmp}/none.jpg: set input.path to a file, or take input=folder",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_line_says_what_is_wrong(name: str, tmp_path: Path) -> None:
    arguments, expected = CASES[name]
    command = [text.format(tmp=tmp_path) for text in arguments]
    if command[0] == "train.py" and not any("output_dir" in text for text in command):
        command.append(f"paths.output_dir={tmp_path}")
    result = run_forked(*command)
    assert result.returncode == 1
    lines = [line for line in result.stderr.splitlines() if line]
    assert lines == [expected.format(tmp=tmp_path)]


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("trainer", ["gpu", "ddp"])
def test_without_a_gpu_a_trainer_for_one_names_the_other(trainer: str, tmp_path: Path) -> None:
    result = run_forked("train.py", f"trainer={trainer}", f"paths.output_dir={tmp_path}")
    assert result.returncode == 1
    assert result.stderr.splitlines() == ["error: trainer.accelerator: torch finds no GPU here; take trainer=cpu"]


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("monitor.metric=val/foo", "error: monitor.metric: nothing called val/foo is logged; there are: "),
        ("+trainer.limit_train_batches=0.0001", "error: trainer: You requested to check 0.0001 of the"),
        (
            "+trainer.max_time={seconds:0} trainer.check_val_every_n_epoch=2",
            "error: trainer.max_time: training ended before a validation could choose the best; set more, or validate",
        ),
        ("+trainer.val_check_interval=999", "error: trainer: `val_check_interval` (999) must be less than or equal"),
    ],
)
def test_what_lightning_refuses_while_it_trains_is_one_line_too(override: str, expected: str, tmp_path: Path) -> None:
    result = run_forked("train.py", *override.split(), "epochs.pnet=2", f"paths.output_dir={tmp_path}", *SMALL)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert result.stderr.splitlines()[-1].startswith(expected)
    assert "val/ap" in result.stderr.splitlines()[-1] or "monitor" not in override


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
def test_a_name_that_is_no_utf_8_is_logged(tmp_path: Path) -> None:
    for folder in ("images/train", "labels/train"):
        (tmp_path / folder).mkdir(parents=True)
    broken = tmp_path / "images/train" / os.fsdecode(b"caf\xe9.jpg")
    broken.write_bytes(b"no picture")
    run = tmp_path / "run"
    result = run_forked("train.py", "source=yolo", f"source.root={tmp_path}", f"hydra.run.dir={run}")
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: {tmp_path}/images/train: none of the 1 pictures can be used")
    skipped = f"skipped {tmp_path}/images/train/caf\\udce9.jpg: not a picture, or a broken one\n"
    assert result.stdout == (run / "train.log").read_text() == skipped


@needs_full_device
def test_a_full_disk_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "metrics.json").symlink_to("/dev/full")
    weights = [f"detector.weights.{name}=pretrained" for name in ("pnet", "rnet", "onet")]
    few = ["source.num_images.test=2", "source.image_size=[160,200]"]
    result = run_forked("scripts/evaluate.py", f"hydra.run.dir={tmp_path}", *weights, *few)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"error: {tmp_path}: No space left on device; make room, then the same command with "
        f"detections={tmp_path}/detections.jsonl, which spares detecting again"
    )
    assert "Error executing" not in result.stderr


def test_a_gpu_without_memory_is_said_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def task(_: DictConfig) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")

    with pytest.raises(SystemExit) as ended:
        cli._guarded(task, [])(DictConfig({}))
    assert ended.value.code == 1
    expected = "error: the GPU is out of memory: train with a smaller data.batch_size, detect with detector.device=cpu"
    assert capsys.readouterr().err.splitlines() == [expected]


def test_a_job_that_diverges_does_not_end_a_sweep(tmp_path: Path) -> None:
    rates = "net.optimizer.lr=1e30,1e-3"
    result = run_forked("train.py", "-m", rates, "debug=default", f"paths.output_dir={tmp_path}", *SMALL)
    assert result.returncode == 1
    assert "train/loss is NaN or infinite: lower net.optimizer.lr" in result.stdout
    assert "Traceback" not in result.stderr
    (summary,) = tmp_path.glob("sweeps/*/*/summary.json")
    assert summary.parent.name == "1"


@pytest.mark.parametrize("arguments", [["net=pnet,rnet"], ["-m", "+net=choice(pnet,rnet)"]])
def test_a_network_that_diverges_ends_a_sweep_over_networks(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later ones would be trained behind an older run of it."""
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    composed("train", ["hydra.mode=MULTIRUN"])
    with pytest.raises(SystemExit):
        cli._guarded(diverge, [])(DictConfig({}))


def test_a_single_training_that_diverges_fails(capsys: pytest.CaptureFixture[str]) -> None:
    composed("train", ["hydra.mode=RUN"])
    with pytest.raises(SystemExit) as ended:
        cli._guarded(diverge, [])(DictConfig({}))
    assert ended.value.code == 1
    assert capsys.readouterr().err.splitlines() == ["error: lower it"]


def diverge(_: DictConfig) -> None:
    raise Diverged("lower it")


def test_what_is_logged_stands_above_a_progress_bar_not_behind_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.jpg").write_text("no picture")
    places = [f"input.path={tmp_path}/in", f"output.path={tmp_path}/out.jsonl", f"paths.output_dir={tmp_path}"]
    result = run_forked("scripts/detect.py", "input=folder", "output=json", *places)
    assert result.returncode == 1
    (line,) = [line for line in re.split(r"[\r\n]", result.stderr) if "can't read" in line]
    assert line == f"can't read {tmp_path}/in/broken.jpg: not a picture, or a broken one"
