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


@pytest.mark.parametrize("words", [["runs=nowhere"], ["runz=nowhere"], ["-m", "runs=nowhere"]])
@pytest.mark.parametrize("script", ["compare", "evaluate", "benchmark"])
def test_a_command_makes_no_other_folder_than_its_own(script: str, words: list[str], tmp_path: Path) -> None:
    words = words if script == "compare" else [*words[:-1], "source=yolo", "source.root=nowhere", "what=mining"]
    words = words if script != "evaluate" else words[:-1]
    result = run_forked(f"scripts/{script}.py", *words, cwd=tmp_path)
    assert result.returncode == 1
    made = [path.relative_to(tmp_path).parts[:2] for path in tmp_path.glob("*/*")]
    assert made in ([], [("outputs", script)])
    assert len(list(tmp_path.glob("outputs/*/*"))) <= 1
