"""Runs that are killed, stopped or started twice: in processes of their own, as users meet them."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
import pytest
import torch

from tests.command_lines import SMALL, command, only, train


def begin(output: Path, seen: Callable[[], bool], *overrides: str, log: IO[str] | int) -> subprocess.Popen[str]:
    """Start training, in a process group of its own, and wait until something is seen."""
    script = command(output, *SMALL, *overrides)
    process = subprocess.Popen(
        script, cwd=output, stdout=log, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 300
    while not seen() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None, "ended before it could be killed"
    return process


def stop_when(
    output: Path,
    seen: Callable[[], bool],
    *overrides: str,
    how: signal.Signals = signal.SIGKILL,
    send: Callable[[int, int], None] = os.killpg,
) -> tuple[int, str]:
    """Send training and all its workers a signal as soon as something is seen: its status and output.

    Args:
        send: `os.kill` sends the signal to the command alone.
    """
    log = output / "printed"
    with log.open("w") as file:
        process = begin(output, seen, *overrides, log=file)
    send(process.pid, how)
    try:
        return process.wait(timeout=60), log.read_text()
    finally:
        end_all(process)


def end_all(process: subprocess.Popen[str]) -> None:
    """End what is left of a process group, so that a failed test leaves nothing."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def mining(output: Path) -> Callable[[], bool]:
    """Whether of the second picture there are patches: of the first alone, nothing is left to go on with."""
    return lambda: any(np.fromfile(path, "<i4").any() for path in output.glob("patches/train-*.unfinished/image.bin"))


def training(output: Path) -> Callable[[], bool]:
    """Whether the first epoch is over."""
    return lambda: bool(list(output.glob("train/pnet/*/checkpoints/last.ckpt")))


@pytest.mark.parametrize("settings", [[], ["callbacks=averaged", "trainer.check_val_every_n_epoch=4"]])
def test_killed_in_training_and_resumed_it_ends_as_an_uninterrupted_run(tmp_path: Path, settings: list[str]) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    options = ["net=pnet", "epochs.pnet=4", *settings]
    train(whole, *options)
    stop_when(broken, training(broken), *options)
    assert not list(broken.glob("train/pnet/*/summary.json"))
    printed = train(broken, *options, "ckpt_path=last")
    assert "going on with" in printed
    summaries = [json.loads(only(folder, "train/pnet/*/summary.json").read_text()) for folder in (whole, broken)]
    assert summaries[0]["weights"] == summaries[1]["weights"]
    assert summaries[0]["last_epoch"] == summaries[1]["last_epoch"]
    assert "nothing to go on with" in train(broken, *options, "ckpt_path=last")


def test_the_last_checkpoint_is_of_the_last_epoch_though_an_earlier_one_was_best(tmp_path: Path) -> None:
    train(tmp_path, "net=pnet", "epochs.pnet=3", "net.optimizer.lr=0")  # so that the first epoch stays best
    folder = only(tmp_path, "train/pnet/*") / "checkpoints"
    epochs = {path.name: torch.load(path, weights_only=True)["epoch"] for path in folder.iterdir()}
    assert epochs == {"best.ckpt": 0, "last.ckpt": 2}


@pytest.mark.slow
def test_a_run_whose_folder_was_moved_keeps_its_best(tmp_path: Path) -> None:
    """It was stopped in the evaluation: there is no epoch left that would choose another."""
    options = ["net=pnet", "epochs.pnet=1", "+trainer.limit_train_batches=2"]
    train(tmp_path, *options, f"hydra.run.dir={tmp_path}/before")
    (tmp_path / "before" / "summary.json").rename(tmp_path / "summary.json")
    (tmp_path / "before").rename(tmp_path / "after")
    printed = train(tmp_path, *options, f"hydra.run.dir={tmp_path}/after", "ckpt_path=last")
    assert "dirpath" not in printed
    summaries = [json.loads((folder / "summary.json").read_text()) for folder in (tmp_path, tmp_path / "after")]
    assert summaries[0]["val/ap"] == summaries[1]["val/ap"]
    assert summaries[0]["weights"] == summaries[1]["weights"]


STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}
SIGTERM_AND_SLOWLY_SIGINT = [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)]


@pytest.mark.parametrize("how", STATUS)
def test_stopped_in_training_it_says_how_to_go_on(tmp_path: Path, how: signal.Signals) -> None:
    def trained() -> bool:
        """In the middle of an epoch: PyTorch's file writer, in C++, would swallow Ctrl-C now and then."""
        return any(
            time.time() - path.stat().st_mtime > 0.1 for path in tmp_path.glob("train/pnet/*/checkpoints/last.ckpt")
        )

    status, printed = stop_when(tmp_path, trained, "net=pnet", "epochs.pnet=200", how=how)
    assert status == STATUS[how]
    assert "stopped: the same command with ckpt_path=last goes on" in printed
    assert "Traceback" not in printed


@pytest.mark.parametrize("how", SIGTERM_AND_SLOWLY_SIGINT)
def test_stopped_in_mining_it_says_how_to_go_on(tmp_path: Path, how: signal.Signals) -> None:
    status, printed = stop_when(tmp_path, mining(tmp_path), "source.num_images={train: 2000, val: 6, test: 6}", how=how)
    assert status == STATUS[how]
    assert "stopped: the same command with ckpt_path=last goes on" in printed
    assert "Traceback" not in printed


TWO_PROCESSES = ["trainer.devices=2", "data.batch_size=20", "callbacks.early_stopping=null"]
ONE_LONG_EPOCH = ["epochs.pnet=4000", "trainer.check_val_every_n_epoch=4000"]


@pytest.mark.parametrize("how", SIGTERM_AND_SLOWLY_SIGINT)
def test_two_processes_are_stopped_by_one_signal_to_the_first(tmp_path: Path, how: signal.Signals) -> None:
    status, printed = stop_when(tmp_path, training(tmp_path), *TWO_PROCESSES, *ONE_LONG_EPOCH, how=how, send=os.kill)
    assert status == STATUS[how]
    assert printed.count("stopped: the same command with ckpt_path=last goes on") == 1
    assert "Traceback" not in printed


def second_process(output: Path) -> Callable[[], bool]:
    """Whether the second process has begun, and said what it does on SIGTERM."""

    def seen() -> bool:
        for status in Path("/proc").glob("[0-9]*/status"):
            with suppress(OSError):  # ended meanwhile
                words = status.with_name("cmdline").read_text().split("\0")
                if f"paths.output_dir={output}" in words and "hydra.job.name=train_ddp_process_1" in words:
                    masks = re.findall(r"^Sig(?:Ign|Cgt):\s*(\w+)", status.read_text(), re.MULTILINE)
                    return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks)
        return False

    return seen


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
@pytest.mark.parametrize("how", SIGTERM_AND_SLOWLY_SIGINT)
def test_two_processes_are_stopped_by_a_signal_to_both_while_the_second_begins(
    tmp_path: Path, how: signal.Signals
) -> None:
    """As Ctrl-C, `timeout` and schedulers send it."""
    status, printed = stop_when(tmp_path, second_process(tmp_path), *TWO_PROCESSES, *ONE_LONG_EPOCH, how=how)
    assert status == STATUS[how]
    assert printed.count("stopped: the same command with ckpt_path=last goes on") == 1
    assert "Traceback" not in printed


def test_an_error_of_the_first_process_ends_the_second(tmp_path: Path) -> None:
    failing = "+callbacks.failing._target_=tests.failing.FullDiskInTheFirst"
    script = command(tmp_path, *SMALL, *TWO_PROCESSES, failing)
    process = subprocess.Popen(script, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        _, printed = process.communicate(timeout=60)  # the second one holds what the command prints to
    finally:
        end_all(process)
    assert process.returncode == 1
    assert printed.splitlines()[-1].endswith(
        "no space left on the disk; make room, then the same command with ckpt_path=last goes on"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are children of the process")
@pytest.mark.parametrize(
    ("seen", "overrides"),
    [
        (mining, ["data.mining_workers=2", "source.num_images.train=5000"]),
        (training, ["data.workers=1", "epochs.pnet=2000"]),
    ],
    ids=["in mining", "in training"],
)
def test_killed_alone_it_leaves_no_worker(
    tmp_path: Path, seen: Callable[[Path], Callable[[], bool]], overrides: list[str]
) -> None:
    """Workers and their server hold what the command prints to: it ends when the last of them does."""
    process = begin(tmp_path, seen(tmp_path), *overrides, log=subprocess.PIPE)
    process.kill()
    try:
        process.communicate(timeout=60)
    finally:
        end_all(process)


FULL_DISK = """
mount -t tmpfs -o size=6m tmpfs small && "$@"
status=$?
cp -r small kept && exit $status
"""


@pytest.fixture(scope="module")
def in_namespace() -> list[str]:
    """How to run something that may mount disks of its own."""
    words, mount = ["unshare", "--user", "--map-root-user", "--mount"], ["mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    if shutil.which("unshare") is None or subprocess.run([*words, *mount], capture_output=True).returncode:
        pytest.skip("nobody may mount a small disk here")
    return words


def test_a_full_disk_in_training_is_said_in_one_line_and_it_goes_on(tmp_path: Path, in_namespace: list[str]) -> None:
    (tmp_path / "small").mkdir()
    options = ["net=pnet", "epochs.pnet=5", "callbacks.render_detections.every_n_epochs=1"]
    run = command(tmp_path / "small", *options, *SMALL)
    stopped = subprocess.run(
        [*in_namespace, "sh", "-c", FULL_DISK, "sh", *run], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert stopped.returncode == 1
    message = r"error: \S+: no space left on the disk; make room, then the same command with ckpt_path=last goes on"
    assert re.search(message, stopped.stderr)
    assert "Traceback" not in stopped.stderr
    (tmp_path / "small").rmdir()
    (tmp_path / "kept").rename(tmp_path / "small")
    last = only(tmp_path, "small/train/pnet/*/checkpoints/last.ckpt")
    assert 0 <= torch.load(last, weights_only=True)["epoch"] < 4
    assert "going on with" in train(tmp_path / "small", *options, "ckpt_path=last")
    assert torch.load(last, weights_only=True)["epoch"] == 4


def test_killed_in_mining_it_goes_on_where_it_was(tmp_path: Path) -> None:
    options = ["net=pnet", "epochs.pnet=1"]
    stop_when(tmp_path, mining(tmp_path), *options)
    assert not list(tmp_path.glob("patches/train-*/manifest.json"))
    printed = train(tmp_path, *options)
    assert re.search(r"going on with picture \d+ of 24: \d+ patches are there", printed)
    assert "pnet is trained" in printed
    assert json.loads(only(tmp_path, "patches/train-*/manifest.json").read_text())["images"] == 24


def test_two_runs_at_once_mine_once(tmp_path: Path) -> None:
    seeds = ["net.box_loss_weight=1", "net.box_loss_weight=2"]
    script = [command(tmp_path, *SMALL, "net=pnet", "epochs.pnet=1", seed) for seed in seeds]
    runs = [
        subprocess.Popen(each, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for each in [
            [*script[0], f"hydra.run.dir={tmp_path}/train/pnet/a"],
            [*script[1], f"hydra.run.dir={tmp_path}/train/pnet/b"],
        ]
    ]
    printed = [run.communicate(timeout=300)[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0], printed
    assert sum(text.count("mining Synthetic train:") for text in printed) == 1
    assert sum(text.count("train patches: ") for text in printed) == 2
