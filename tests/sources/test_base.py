from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.images import ImageError, write_image
from mtcnn_lit.sources.base import Annotation, FileSource, SourceError, as_boxes, boxes_from_sizes, existing_folder


def source(root: Path, faces: list[list[float]], ignored: list[list[float]] | None = None) -> FileSource:
    annotations = [
        Annotation("a.png", as_boxes(faces), as_boxes(ignored or [])),
        Annotation("b.png", as_boxes([]), as_boxes([])),
    ]
    return FileSource("val", root, annotations, skipped=1200)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, value in (("a.png", 10), ("b.png", 20)):
        write_image(tmp_path / name, np.full((4, 6, 3), value, np.uint8))
    return tmp_path


def test_annotation_i_belongs_to_image_i(root: Path) -> None:
    split = source(root, [[0, 0, 3, 3]])
    assert len(split) == 2
    assert [int(split.read(index)[0, 0, 0]) for index in range(2)] == [10, 20]
    assert split.read(0).shape == (4, 6, 3)


def test_summary(root: Path) -> None:
    split = source(root, [[0, 0, 3, 3], [1, 1, 2, 2]], [[0, 0, 1, 1]])
    assert split.summary() == "FileSource val: 2 images, 2 faces, 1 ignored, 1,200 skipped"


def test_fingerprint_stays_when_nothing_changes(root: Path) -> None:
    assert source(root, [[0, 0, 3, 3]]).fingerprint() == source(root, [[0, 0, 3, 3]]).fingerprint()


def test_fingerprint_changes_with_a_box_its_kind_and_the_pixels(root: Path) -> None:
    digests = {
        source(root, [[0, 0, 3, 3]]).fingerprint(),
        source(root, [[0, 0, 3, 4]]).fingerprint(),
        source(root, [], [[0, 0, 3, 3]]).fingerprint(),
        source(root, [], [[0, 0, 3, 4]]).fingerprint(),
    }
    write_image(root / "b.png", np.zeros((4, 6, 3), np.uint8))
    os.utime(root / "b.png", (1, 1))  # two writes can fall into one tick of the clock
    digests.add(source(root, [[0, 0, 3, 3]]).fingerprint())
    assert len(digests) == 5


def test_fingerprint_changes_with_the_size_of_a_file_alone_and_with_its_time_alone(root: Path) -> None:
    digests = []
    for content, time in ((b"ab", 1), (b"abc", 1), (b"abc", 2), (b"abc", 2)):
        (root / "b.png").write_bytes(content)
        os.utime(root / "b.png", (time, time))
        digests.append(source(root, []).fingerprint())
    assert len(set(digests)) == 3
    assert digests[2] == digests[3]


def test_a_folder_may_be_named_from_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hydra hands `source.root=~/faces` over as it is."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "faces").mkdir()
    assert existing_folder("~/faces", "") == tmp_path / "faces"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere file names are text")
def test_a_name_need_not_be_utf_8(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    (tmp_path / name).write_bytes(b"")
    box = as_boxes([])
    digests = [FileSource("val", tmp_path, [Annotation(name, box, box)], 0).fingerprint() for _ in range(2)]
    assert digests[0] == digests[1]


def test_a_picture_that_vanished_is_named(root: Path) -> None:
    split = source(root, [])
    (root / "b.png").unlink()
    with pytest.raises(ImageError, match=r"b\.png"):
        split.read(1)
    with pytest.raises(SourceError, match=r"b\.png: No such file"):
        split.fingerprint()


def test_no_picture_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none of the 7 pictures can be used for split 'test'"):
        FileSource("test", tmp_path, [], skipped=7)
    with pytest.raises(SourceError, match="no pictures for split 'test'"):
        FileSource("test", tmp_path, [], skipped=0)


def test_boxes_are_sorted_by_height_and_mark_and_dropped_without_area() -> None:
    boxes = boxes_from_sizes([[0, 0, 5, 20], [1, 0, 5, 19], [2, 0, 5, 30], [3, 0, 0, 30], [4, 0, 5, -30]])
    marks = np.array([False, False, True, True, False])
    annotation = Annotation.from_boxes("x", boxes, min_height=20, ignored=marks)
    assert annotation.faces.tolist() == [[0, 0, 5, 20]]
    assert annotation.ignored.tolist() == [[1, 0, 6, 19], [2, 0, 7, 30]]


def test_faces_wholly_outside_the_picture_are_taken_away() -> None:
    faces = as_boxes([[-5, -5, 1, 1], [-5, 0, 0, 9], [60, 0, 70, 9], [59, 39, 70, 70], [0, 40, 9, 50]])
    annotation = Annotation("x", faces, faces)
    within = annotation.within(height=40, width=60)
    assert within.faces.tolist() == [[-5, -5, 1, 1], [59, 39, 70, 70]]
    assert within.ignored.tolist() == faces.tolist()
    assert annotation.within(height=41, width=61).faces.tolist() == faces[[0, 2, 3, 4]].tolist()
    assert Annotation("x", as_boxes([]), faces).within(40, 60).faces.shape == (0, 4)


def test_a_split_without_any_face_says_so(root: Path) -> None:
    source(root, [[0, 0, 3, 3]]).check_faces()
    message = (
        r"^no face in the val split \(FileSource val: 2 images, 0 faces, 1 ignored, 1,200 skipped\); check the ann"
    )
    with pytest.raises(SourceError, match=message):
        source(root, [], [[0, 0, 3, 3]]).check_faces()


def test_no_rows_are_no_boxes() -> None:
    assert as_boxes([]).shape == boxes_from_sizes([]).shape == (0, 4)
    assert as_boxes([]).dtype == boxes_from_sizes([]).dtype == np.float32
