from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mtcnn_lit import Detections
from mtcnn_lit.detections_file import DetectionsFileError, detections_line, error_line, read_detections
from mtcnn_lit.images import ImageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "found.jsonl"


def test_a_line() -> None:
    found = Detections(torch.tensor([[1.234, 2, 3.456, 4]]), torch.tensor([0.9876543]))
    assert (
        detections_line("a/ü.jpg", found)
        == '{"image": "a/ü.jpg", "boxes": [[1.23, 2.0, 3.46, 4.0]], "scores": [0.98765]}'
    )
    assert detections_line("b.jpg", Detections.empty()) == '{"image": "b.jpg", "boxes": [], "scores": []}'
    assert error_line("c.jpg", ValueError("broken")) == '{"image": "c.jpg", "error": "broken"}'


def test_round_trip(path: Path) -> None:
    found = Detections(torch.tensor([[1.0, 2, 3, 4], [5, 6, 7, 8]]), torch.tensor([0.75, 0.5]))
    lines = [detections_line("a.jpg", found), detections_line("b.jpg", Detections.empty())]
    path.write_text("\n".join([*lines, error_line("c.jpg", ValueError("broken")), ""]))
    read = read_detections(path)
    assert list(read) == ["a.jpg", "b.jpg", "c.jpg"]
    a, b, c = read.values()
    assert isinstance(a, Detections)
    assert torch.equal(a.boxes, found.boxes)
    assert torch.equal(a.scores, found.scores)
    assert isinstance(b, Detections)
    assert len(b) == 0
    assert isinstance(c, ImageError)
    assert str(c) == "broken"


@pytest.mark.parametrize("name", ["a\u2028b.jpg", "a\x85b.jpg", "a\x1cb.jpg", "a\rb.jpg"])
def test_names_may_hold_what_ends_a_line_elsewhere(path: Path, name: str) -> None:
    lines = [detections_line(name, Detections.empty()), detections_line("c.jpg", Detections.empty())]
    path.write_text("\n".join(lines))
    assert list(read_detections(path)) == [name, "c.jpg"]
    path.write_bytes("\r\n".join(lines).encode())
    assert list(read_detections(path)) == [name, "c.jpg"]


def test_other_detectors_need_not_sort(path: Path) -> None:
    path.write_text('{"image": "a", "boxes": [[0, 0, 1, 1], [2, 2, 3, 3]], "scores": [0.1, 0.9], "more": 1}')
    read = read_detections(path)["a"]
    assert isinstance(read, Detections)
    assert read.scores.tolist() == pytest.approx([0.9, 0.1])
    assert read.boxes[0].tolist() == [2, 2, 3, 3]


def test_an_error_of_null_is_none(path: Path) -> None:
    path.write_text('{"image": "a", "boxes": [[1, 2, 3, 4]], "scores": [0.5], "error": null}')
    read = read_detections(path)["a"]
    assert isinstance(read, Detections)
    assert read.boxes.tolist() == [[1, 2, 3, 4]]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("", "lists no image, so there is nothing to score"),
        ("\n\n", "lists no image"),
        ("no json", r"found\.jsonl:1: no JSON"),
        ("[1, 2]", r':1: expected {"image": name, "boxes"'),
        ('{"boxes": [], "scores": []}', ":1: expected"),
        ('{"image": "a"}', ":1: "),
        ('\n{"image": "a", "boxes": [[0, 0, 1, 1]], "scores": []}', ":2: 1 boxes but 0 scores"),
        ('{"image": "a", "boxes": [[0, 0, 1]], "scores": [1]}', ":1: "),
        ('{"image": "a", "boxes": [[0, 0, 1, NaN]], "scores": [1]}', ":1: a box or a score is not finite"),
        ('{"image": "a", "boxes": [[-3e38, 0, 3e38, 1]], "scores": [1]}', ":1: a box or a score is not finite"),
        ('{"image": "a", "boxes": [], "scores": 0.5}', ":1: boxes must be rows of four numbers and scores a list"),
        ('{"image": "a", "boxes": [[1, 2], [3, 4]], "scores": [0.5]}', ":1: boxes must be rows of four numbers"),
        ('{"image": "a", "boxes": [0, 0, 1, 1], "scores": [0.5]}', ":1: boxes must be rows of four numbers"),
        ('{"image": "a", "boxes": [["x"]], "scores": [1]}', ":1: "),
        (f'{{"image": "a", "boxes": [[0, 0, 1, 1]], "scores": [{"9" * 400}]}}', ":1: boxes must be rows of four"),
        (f'{{"image": "a", "boxes": [[0, 0, 1, 1]], "scores": [{"9" * 5000}]}}', ":1: no JSON: Exceeds the limit"),
        ("[" * 100_000, ":1: no JSON: nested too deeply"),
        ('{"image": "a", "boxes": [], "scores": []}\n' * 2, ":2: a second line for a"),
    ],
)
def test_what_is_no_file_of_detections(path: Path, content: str, complaint: str) -> None:
    path.write_text(content)
    with pytest.raises(DetectionsFileError, match=complaint):
        read_detections(path)


def test_a_file_that_can_not_be_read(path: Path) -> None:
    with pytest.raises(DetectionsFileError, match=r"can't read .*found\.jsonl: No such file"):
        read_detections(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DetectionsFileError, match="no UTF-8 text"):
        read_detections(path)
