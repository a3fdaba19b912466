"""Outputs write what was found, and never take the place of the pictures it was found in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.detections import Detections
from mtcnn_lit.images import write_image
from mtcnn_lit.inputs import FolderInput
from mtcnn_lit.named_image import NamedImage, place_below
from mtcnn_lit.outputs import ImagesOutput


def test_drawing_into_the_folder_of_the_inputs_leaves_them_as_they_are(tmp_path: Path) -> None:
    picture = np.full((20, 30, 3), 90, np.uint8)
    for name in ("a.png", "a.jpg"):
        write_image(tmp_path / name, picture)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    output = ImagesOutput(str(tmp_path))
    for named in list(FolderInput(str(tmp_path))):
        assert isinstance(named, NamedImage)
        output.write(named, Detections.empty())
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert {path.name for path in tmp_path.iterdir()} == {*before, "a.png.faces.png", "a.jpg.faces.png"}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "out/a.jpg"),
        ("b/a.jpg", "out/b/a.jpg"),
        ("/pictures/a.jpg", "out/pictures/a.jpg"),
        ("../a.jpg", "out/home/a.jpg"),
    ],
)
def test_files_made_of_a_picture_stay_below_their_folder(
    name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.getcwd", lambda: "/home/me")
    assert place_below("out", name) == Path(expected)
