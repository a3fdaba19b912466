"""Drawn pictures never take the place of the pictures they were made from, nor of each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mtcnn_lit.detections import Detections
from mtcnn_lit.images import write_image
from mtcnn_lit.inputs import FolderInput
from mtcnn_lit.outputs import ImagesOutput


def test_drawing_into_the_folder_of_the_inputs_leaves_them_as_they_are(tmp_path: Path) -> None:
    picture = np.full((20, 30, 3), 90, np.uint8)
    for name in ("a.png", "a.jpg"):
        write_image(tmp_path / name, picture)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    output = ImagesOutput(str(tmp_path))
    for name, image in list(FolderInput(str(tmp_path))):
        assert isinstance(image, np.ndarray)
        output.write(name, image, Detections.empty())
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert {path.name for path in tmp_path.iterdir()} == {*before, "a.png.faces.png", "a.jpg.faces.png"}
