"""`scripts/compare.py` as users call it, on runs written by hand."""

from __future__ import annotations

import json
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from mtcnn_lit.images import read_image
from tests.forked import run_forked
from tests.report.written import epochs, write_events, write_record

CONFIG = "{{stage: '${{hydra:runtime.choices.net}}', net: {{lr: {lr}}}, seed: 0, paths: {{run_dir: {lr}}}}}"


def compare(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_forked("scripts/compare.py", *arguments, cwd=folder)


def error_of(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that was printed, without the progress bar before it."""
    assert result.returncode == 1
    assert result.stdout == ""
    (line,) = [line for line in result.stderr.replace("\r", "\n").splitlines() if line and "run/s" not in line]
    return line.strip()


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs in its `outputs`, one of a sweep and one of its own."""
    folder = tmp_path_factory.mktemp("compare")
    for name, lr, ap in (("train/pnet/2026-01-01", 0.1, (0.25, 0.75)), ("sweeps/2026-01-02/0", 0.3, (0.5, 0.375))):
        run = folder / "outputs" / name
        scalars = {"val/ap": epochs(*ap), "val/loss": epochs(0.5, 0.25), "train/loss": epochs(0.5, 0.125)}
        write_events(run, {**scalars, "epoch": epochs(0, 1)})
        write_record(run, CONFIG.format(lr=lr))
    return folder


def check_pages(folder: Path, printed: str) -> str:
    """The page that was written last, which is whole, needs no network and holds both names."""
    newest = max((folder / "outputs" / "compare").iterdir())
    assert f"curves  outputs/compare/{newest.name}/curves.png" in printed.replace(f"{folder}/", "")
    assert f"page    outputs/compare/{newest.name}/compare.html" in printed.replace(f"{folder}/", "")
    assert read_image(newest / "curves.png").std() > 10
    page = (newest / "compare.html").read_text(encoding="utf-8")
    HTMLParser().feed(page)
    assert page.rstrip().endswith("</html>")
    assert "http" not in page
    return page


def test_all_runs_are_compared_when_none_is_named(output: Path) -> None:
    result = compare(output)
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout.splitlines()[:3] == [
        "run          best val/ap  last val/ap  best val/loss  last val/loss  best train/loss  last train/loss",
        "pnet lr=0.1  0.7500 (2)   0.7500       0.2500 (2)     0.2500         0.1250 (2)       0.1250",
        "pnet lr=0.3  0.5000 (1)   0.3750       0.2500 (2)     0.2500         0.1250 (2)       0.1250",
    ]
    page = check_pages(output, result.stdout)
    assert "<th>pnet lr=0.1</th>" in page
    assert "net.lr" in page
    assert "seed" not in page
    assert "run_dir" not in page


@pytest.mark.parametrize("written", ["runs={},{}", "runs=[{},{}]"])
def test_runs_are_named_plainly_or_as_a_list_and_each_counts_once(written: str, output: Path) -> None:
    result = compare(output, written.format("outputs/sweeps", "outputs"))
    assert result.returncode == 0, result.stderr
    assert [line.split("  ")[0] for line in result.stdout.splitlines()[1:3]] == ["pnet lr=0.3", "pnet lr=0.1"]


def test_equal_settings_behind_other_weights_are_told_apart(tmp_path: Path) -> None:
    config = "{seed: 0, upstream: {pnet: null, rnet: null}, init_from: newest}"
    for name, pnet in (("first", "0123456789abcdef"), ("second", "fedcba9876543210")):
        write_events(tmp_path / name, {"val/ap": epochs(0.5)})
        write_record(tmp_path / name, config, "{net: rnet}")
        summary = {"stage": "rnet", "finished": 1, "upstream": {"pnet": pnet}, "init_from": "00112233445566"}
        (tmp_path / name / "summary.json").write_text(json.dumps(summary))
    result = compare(tmp_path, "runs=first,second")
    assert result.returncode == 0, result.stderr
    names = [line.split("  ")[0] for line in result.stdout.splitlines()[1:3]]
    assert names == ["rnet pnet=0123456789ab", "rnet pnet=fedcba987654"]
    page = check_pages(tmp_path, result.stdout)
    assert "upstream.pnet" in page
    assert "init_from" not in page


def test_a_run_without_curves_is_left_out_and_one_without_a_record_is_not(output: Path, tmp_path: Path) -> None:
    write_events(tmp_path / "begun", {"lr-AdamW": {0: 0.1}})
    write_events(tmp_path / "bare", {"val/ap": epochs(0.5)})
    result = compare(output, f"runs={tmp_path},outputs/sweeps", f"paths.output_dir={tmp_path}/out")
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0] == f"{tmp_path}/begun: no curves yet, left out"
    assert [line.split("  ")[0] for line in lines[2:4]] == ["run", "pnet"]


def test_a_folder_that_is_not_there_or_empty_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert error_of(compare(tmp_path, "runs=empty,gone")) == (
        "error: empty: no training run there, nor below it (nothing with TensorBoard event files)"
    )
    assert error_of(compare(tmp_path, "runs=gone")) == (
        "error: gone: no such folder; set runs to folders of runs, or with runs below them"
    )


def test_without_any_run_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    assert error_of(compare(tmp_path)) == (
        "error: no training run below outputs: train one with 'python train.py', or set runs=FOLDER"
    )


def test_runs_without_any_curve_are_an_error(tmp_path: Path) -> None:
    write_events(tmp_path / "begun", {"lr-AdamW": {0: 0.1}})
    result = compare(tmp_path, "runs=begun")
    assert result.returncode == 1
    assert "error: runs: none of these runs has metrics yet" in result.stderr
    assert "Traceback" not in result.stderr
