"""Which pictures an input gives, by which names, and how many of them it holds at a time."""

from __future__ import annotations

import io
import os
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mtcnn_lit.images import ImageError, write_image
from mtcnn_lit.inputs import FolderInput, ImageInput
from mtcnn_lit.inputs.base import Input
from mtcnn_lit.named_image import NamedImage, UnreadImage

PICTURES = ["a.png", "b.png", "c.JPG", "deep/d.png", "deep/er/e.png"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures at several depths, a text, and what detection made of some of the pictures."""
    for number, name in enumerate(PICTURES):
        write_image(tmp_path / "in" / name, np.full((6, 8, 3), number, np.uint8))
    for name in ("notes.txt", "a.png.faces.png", "deep/d.png.face-001.png", "deep/d.png.face-1002.png"):
        (tmp_path / "in" / name).touch()
    return tmp_path / "in"


def names(source: Input) -> list[str]:
    pictures = list(source)
    assert all(isinstance(picture, NamedImage) for picture in pictures)
    return [picture.name for picture in pictures]


def test_a_file(folder: Path) -> None:
    source = ImageInput(str(folder / "b.png"))
    assert (names(source), len(source), source.files) == (["b.png"], 1, [folder / "b.png"])


def test_a_file_that_detection_made_is_read_when_it_is_named(folder: Path) -> None:
    write_image(folder / "a.png.faces.png", np.zeros((6, 8, 3), np.uint8))
    assert names(ImageInput(str(folder / "a.png.faces.png"))) == ["a.png.faces.png"]


def test_a_folder_is_read_at_any_depth(folder: Path) -> None:
    assert names(FolderInput(str(folder))) == PICTURES
    assert len(FolderInput(str(folder))) == 5


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*.png", ["a.png", "b.png"]),
        ("*", ["a.png", "b.png", "c.JPG"]),
        ("**/*.png", ["a.png", "b.png", "deep/d.png", "deep/er/e.png"]),
        ("d*p/*.png", ["deep/d.png"]),
        ("[ab].png", ["a.png", "b.png"]),
    ],
)
def test_a_pattern(folder: Path, pattern: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert names(ImageInput(f"{folder}/{pattern}")) == expected
    monkeypatch.chdir(folder)
    assert names(ImageInput(pattern)) == expected


def test_a_file_whose_name_looks_like_a_pattern(tmp_path: Path) -> None:
    write_image(tmp_path / "[1].png", np.zeros((6, 8, 3), np.uint8))
    assert names(ImageInput(f"{tmp_path}/[1].png")) == ["[1].png"]


def test_a_list_on_standard_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    listed = os.fsencode(f"./a.png\r\n\n{folder}/deep/d.png\nnowhere.png\n./a.png.faces.png\n") + b"caf\xe9.png"
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(listed)))
    source = ImageInput("-")
    first, second, third, fourth = source
    assert (first.name, second.name, third.name) == ("a.png", f"{folder}/deep/d.png", "nowhere.png")
    assert os.fsencode(fourth.name) == b"caf\xe9.png"  # a name that is no UTF-8
    assert isinstance(second, NamedImage)
    assert isinstance(third, UnreadImage)
    assert "can't read nowhere.png: No such file" in str(third.error)


def test_a_list_that_begins_with_the_mark_of_windows_programs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = f"\ufeff{folder}/a.png\n{folder}/b.png\n".encode()
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(listed)))
    assert names(ImageInput("-")) == [f"{folder}/a.png", f"{folder}/b.png"]


def test_a_text_named_as_a_picture_is_said_and_the_others_are_read(folder: Path) -> None:
    (folder / "b.png").write_text("no picture")
    pictures = list(FolderInput(str(folder)))
    assert [picture.name for picture in pictures] == PICTURES
    assert [type(picture) for picture in pictures] == [NamedImage, UnreadImage, NamedImage, NamedImage, NamedImage]
    broken = pictures[1]
    assert isinstance(broken, UnreadImage)
    assert "b.png: not a picture" in str(broken.error)


@pytest.mark.skipif(os.geteuid() == 0, reason="root enters every folder")
def test_a_folder_that_can_not_be_entered_is_said_and_the_others_are_read(folder: Path) -> None:
    for mode, unread in ((0o000, ["deep"]), (0o100, ["deep"]), (0o400, ["deep/d.png", "deep/er"])):
        (folder / "deep").chmod(mode)
        pictures = list(FolderInput(str(folder)))
        (folder / "deep").chmod(0o700)
        assert [picture.name for picture in pictures] == ["a.png", "b.png", "c.JPG", *unread]
        errors = [str(picture.error) for picture in pictures if isinstance(picture, UnreadImage)]
        assert errors == [f"can't read {folder}/{name}: Permission denied" for name in unread]


def test_only_a_few_pictures_are_in_memory(tmp_path: Path) -> None:
    for number in range(30):
        write_image(tmp_path / f"{number:02d}.png", np.full((6, 8, 3), number, np.uint8))
    given, most = [], 0
    for picture in FolderInput(str(tmp_path)):
        given.append(weakref.ref(picture))
        most = max(most, sum(reference() is not None for reference in given))
    assert most <= 2  # this one, and the last one until it is replaced; those read ahead are bounded by prefetch


@pytest.mark.parametrize(
    ("make", "path", "complaint"),
    [
        (ImageInput, "none.png", r"no picture at .*none\.png: set input\.path to a file"),
        (ImageInput, "", r"no picture at .*: set input\.path to a file, or take input=folder"),
        (ImageInput, "*.webp", r"no picture matches .*\*\.webp: looked for files ending in \.avif, "),
        (ImageInput, "*.txt", r"no picture matches .*\*\.txt"),
        (FolderInput, "none", r"no folder at .*none: set input\.path to a folder"),
        (ImageInput, "[a]/*.png", r"no picture matches .*\*\.png \(a \[ in a name is written \[\[\]\): looked for "),
        (FolderInput, "empty", r"no picture in .*empty: looked for files ending in \.avif, "),
        (FolderInput, "made", r"no picture in .*made except those written by detection: rename them"),
        (ImageInput, "made/*.png", r"no picture matches .*made/\*\.png except those written by detection: rename them"),
    ],
)
def test_nothing_to_read_is_an_error(folder: Path, make: type[ImageInput], path: str, complaint: str) -> None:
    (folder / "empty").mkdir()
    (folder / "made").mkdir()
    write_image(folder / "made" / "a.png.faces.png", np.zeros((6, 8, 3), np.uint8))
    with pytest.raises(ImageError, match=complaint):
        make(f"{folder}/{path}")


def test_a_pattern_that_links_lead_round_in_a_circle_gives_each_picture_once(folder: Path) -> None:
    (folder / "deep" / "round").symlink_to(folder, target_is_directory=True)
    assert names(ImageInput(f"{folder}/**/*.png")) == ["a.png", "b.png", "deep/d.png", "deep/er/e.png"]


def test_an_empty_list_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"\n")))
    with pytest.raises(ImageError, match="no picture is listed on standard input"):
        ImageInput("-")


def test_a_list_with_null_bytes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"a.png\0b.png\0")))
    with pytest.raises(
        ImageError, match=r"^the list on standard input has null bytes, as by find -print0: give a path a"
    ):
        ImageInput("-")


def test_a_closed_standard_input_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", None)  # as Python finds it after `<&-`
    with pytest.raises(ImageError, match=r"^can't read the list on standard input, which is closed: set input\.path"):
        ImageInput("-")


@pytest.mark.parametrize("make", [ImageInput, FolderInput])
def test_an_empty_path_is_an_error(make: type[ImageInput], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with pytest.raises(
        ImageError, match=r"^no (picture|folder) at '': set input\.path to a (file|folder), or take input="
    ):
        make("")
    assert names(FolderInput(".")) == PICTURES
