"""Each run has a folder of its own."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from mtcnn_lit.experiment.new_folder import new_folder
from tests.forked import run_forked


def ask_anew(path: str) -> str:
    """As another command does."""
    new_folder.cache_clear()
    return new_folder(path)


def test_commands_of_the_same_second_have_folders_that_are_numbered(tmp_path: Path) -> None:
    path = str(tmp_path / "train" / "pnet" / "2026-01-31_12-00-00")
    assert [ask_anew(path) for _ in range(3)] == [path, f"{path}-2", f"{path}-3"]
    assert all(folder.is_dir() for folder in map(Path, [path, f"{path}-2", f"{path}-3"]))


def test_a_command_that_asks_again_has_the_same(tmp_path: Path) -> None:
    path = str(tmp_path / "now")
    assert [new_folder(path) for _ in range(3)] == [path, path, path]
    assert list(tmp_path.iterdir()) == [tmp_path / "now"]


def test_commands_at_once_have_folders_of_their_own(tmp_path: Path) -> None:
    path = str(tmp_path / "runs" / "now")
    with multiprocessing.get_context("fork").Pool(4) as pool:
        made = pool.map(ask_anew, [path] * 40, chunksize=1)
    assert len(set(made)) == len(list((tmp_path / "runs").iterdir())) == 40


@pytest.mark.parametrize(
    "words", [["--cfg", "all"], ["--cfg=all", "--resolve"], ["-c", "job"], ["--info=all"], ["--help"]]
)
def test_a_command_that_prints_makes_none(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", *words])
    assert ask_anew(str(tmp_path / "now")) == str(tmp_path / "now")
    assert not list(tmp_path.iterdir())


def test_where_none_can_be_made_the_path_stays(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "lost").symlink_to("nowhere")
    for place in ("file/train/now", "lost/now"):
        assert ask_anew(str(tmp_path / place)) == str(tmp_path / place)


def test_printing_a_configuration_makes_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["train.py", "--cfg", "all", "--resolve"])
    assert ask_anew(str(tmp_path / "now")) == str(tmp_path / "now")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "made"),
    [
        ("compare runs=nowhere", ["compare"]),
        ("compare -m runs=nowhere", ["compare"]),
        ("compare runz=nowhere", []),
        ("evaluate source=yolo source.root=nowhere", ["evaluate"]),
        ("evaluate -m source=yolo source.root=nowhere", ["evaluate"]),
        ("evaluate sourze=yolo", []),
        ("benchmark what=mining source=yolo source.root=nowhere", ["benchmark"]),
        ("benchmark -m what=mining source=yolo source.root=nowhere", ["benchmark"]),
        ("benchmark wat=mining", []),
    ],
)
def test_a_command_makes_no_other_folder_than_its_own(command: str, made: list[str], tmp_path: Path) -> None:
    script, *words = command.split()
    assert run_forked(f"scripts/{script}.py", *words, cwd=tmp_path).returncode == 1
    assert [path.name for path in tmp_path.glob("outputs/*")] == made
    assert len(list(tmp_path.glob("outputs/*/*"))) == len(made)
