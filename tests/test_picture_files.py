"""Which files below a folder are pictures to read, by way of links too."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mtcnn_lit.picture_files import list_images


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in list_images(folder)]


def test_pictures_are_found_at_any_depth_in_order(tmp_path: Path) -> None:
    touch(tmp_path, "b.png", "a/z.JPEG", "a/notes.txt", "a/b/c.webp", "d.png/inside.bmp", "B.Tif")
    assert found(tmp_path) == ["B.Tif", "a/b/c.webp", "a/z.JPEG", "b.png", "d.png/inside.bmp"]
    assert list_images(str(tmp_path / "nowhere")) == []
    assert list_images(tmp_path / "b.png") == []


def test_what_detection_made_is_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "a.png.faces.png", "deep/b.jpg.face-001.png", "deep/b.jpg.face-1002.png")
    assert found(tmp_path) == ["a.png"]


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    touch(tmp_path / "disk", "a.png", "deep/b.png")
    touch(tmp_path / "in", "c.png")
    (tmp_path / "in" / "linked").symlink_to(tmp_path / "disk")
    (tmp_path / "in" / "d.png").symlink_to(tmp_path / "disk" / "a.png")
    assert found(tmp_path / "in") == ["c.png", "d.png", "linked/a.png", "linked/deep/b.png"]


def test_a_folder_is_read_once_however_many_links_lead_to_it(tmp_path: Path) -> None:
    folder = touch(tmp_path, "deep/a.png", "other/b.png")
    (folder / "again").symlink_to(folder / "deep")  # earlier in the order than the folder itself
    (folder / "deep" / "up").symlink_to(folder)
    (folder / "other" / "beside").symlink_to(folder / "deep")
    (folder / "self").symlink_to("self")
    assert found(folder) == ["deep/a.png", "other/b.png"]


def test_a_folder_that_can_not_be_listed_stands_for_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(place: Any) -> Iterator[Any]:
        if os.fspath(place).endswith("locked"):
            raise PermissionError(13, "Permission denied", place)
        return scandir(place)

    touch(tmp_path, "a.png", "locked/b.png", "z.png")
    monkeypatch.setattr("os.scandir", refuse)
    assert found(tmp_path) == ["a.png", "locked", "z.png"]
