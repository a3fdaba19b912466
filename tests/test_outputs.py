"""Outputs write what was found, and never take the place of the pictures it was found in."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from mtcnn_lit.detections import Detections
from mtcnn_lit.errors import UserError
from mtcnn_lit.images import Image, ImageError, read_image, write_image
from mtcnn_lit.inputs import FolderInput
from mtcnn_lit.named_image import Frame, NamedImage, UnreadImage, drawn_file, is_made
from mtcnn_lit.outputs import CropsOutput, CsvOutput, ImagesOutput, JsonOutput
from mtcnn_lit.outputs.base import Output

FOUND = Detections(torch.tensor([[10.0, 20, 30, 50], [2, 3.456, 8, 9]]), torch.tensor([0.9, 0.75]))


def ramp(height: int = 60, width: int = 40) -> Image:
    """A picture whose pixels say where they are."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, x + y], axis=2).astype(np.uint8)


FRAME = Frame("v.mp4", ramp(), number=7, time=0.25, rate=28)


@pytest.mark.parametrize("make", [ImagesOutput, CropsOutput])
def test_writing_into_the_folder_of_the_inputs_leaves_them_as_they_are(tmp_path: Path, make: type[Output]) -> None:
    for name in ("a.png", "a.jpg", "b/a.png"):
        write_image(tmp_path / name, ramp())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    for _ in range(2):  # a second run finds what the first one wrote, and takes none of it for an input
        source, output = FolderInput(str(tmp_path)), make(str(tmp_path))  # type: ignore[call-arg]
        assert source.files == sorted(before)
        for picture in source:
            assert isinstance(picture, NamedImage)
            output.write(picture, FOUND)
        output.close()
    assert {path: path.read_bytes() for path in before} == before
    each = {ImagesOutput: {"faces"}, CropsOutput: {"face-001", "face-002"}}[make]  # type: ignore[index]
    made = {Path(f"{path}.{name}.png") for path in before for name in each}
    assert set(tmp_path.rglob("*.*")) == made | set(before)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jpg", "out/a.jpg.faces.png"),
        ("b/a.jpg", "out/b/a.jpg.faces.png"),
        ("/pictures/a.jpg", "out/pictures/a.jpg.faces.png"),
        ("../a.jpg", "out/home/a.jpg.faces.png"),
    ],
)
def test_files_made_of_a_picture_stay_below_their_folder(
    name: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getcwd", lambda: "/home/me")
    assert drawn_file("out", name) == Path(expected)


def test_crops_are_the_pixels_in_and_around_the_box(tmp_path: Path) -> None:
    output = CropsOutput(str(tmp_path), margin=0.1)
    output.write(NamedImage("a.jpg", ramp()), FOUND)
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg.face-001.png"), ramp()[17:53, 8:32])
    output = CropsOutput(str(tmp_path / "exact"), margin=0)
    output.write(NamedImage("a.jpg", ramp()), FOUND)
    np.testing.assert_array_equal(read_image(tmp_path / "exact" / "a.jpg.face-001.png"), ramp()[20:50, 10:30])


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ([-5.0, 50, 15, 75], slice(45, 60), slice(0, 19)),  # over two edges
        ([20.2, 20.2, 20.3, 20.3], slice(20, 21), slice(20, 21)),  # smaller than a pixel
        ([100.0, -9, 120, -3], slice(0, 1), slice(39, 40)),  # outside
    ],
)
def test_a_crop_ends_at_the_edge_of_the_picture(tmp_path: Path, box: list[float], rows: slice, columns: slice) -> None:
    CropsOutput(str(tmp_path)).write(NamedImage("a", ramp()), Detections(torch.tensor([box]), torch.ones(1)))
    np.testing.assert_array_equal(read_image(tmp_path / "a.face-001.png"), ramp()[rows, columns])


@pytest.mark.parametrize("margin", [-0.1, float("inf"), float("nan")])
def test_a_margin_must_be_a_number_from_0_on(tmp_path: Path, margin: float) -> None:
    with pytest.raises(ValueError, match=rf"margin must be a number from 0 on, not {margin}"):
        CropsOutput(str(tmp_path), margin=margin)


def test_a_margin_beyond_all_bounds_gives_the_whole_picture(tmp_path: Path) -> None:
    CropsOutput(str(tmp_path), margin=1e308).write(NamedImage("a", ramp()), FOUND)
    np.testing.assert_array_equal(read_image(tmp_path / "a.face-001.png"), ramp())


def test_csv_has_a_row_a_face(tmp_path: Path) -> None:
    output = CsvOutput(str(tmp_path / "new" / "a.csv"))
    output.write(NamedImage('a, "b".jpg', ramp()), FOUND)
    output.write(NamedImage("none.jpg", ramp()), Detections.empty())
    output.write_error(UnreadImage("broken.jpg", ImageError("broken")))
    output.close()
    with (tmp_path / "new" / "a.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["image", "x1", "y1", "x2", "y2", "score"],
            ['a, "b".jpg', "10.0", "20.0", "30.0", "50.0", "0.9"],
            ['a, "b".jpg', "2.0", "3.46", "8.0", "9.0", "0.75"],
        ]


def test_csv_without_pictures_has_its_head(tmp_path: Path) -> None:
    CsvOutput(str(tmp_path / "a.csv")).close()
    assert (tmp_path / "a.csv").read_text() == "image,x1,y1,x2,y2,score\n"


def test_frames_say_which_they_are(tmp_path: Path) -> None:
    for output in (JsonOutput(str(tmp_path / "json")), CsvOutput(str(tmp_path / "csv"))):
        output.write(FRAME, FOUND.select(torch.tensor([0])))
        output.close()
    expected = {"image": "v.mp4", "frame": 7, "time": 0.25, "boxes": [[10, 20, 30, 50]], "scores": [0.9]}
    assert json.loads((tmp_path / "json").read_text()) == expected
    head, row = (tmp_path / "csv").read_text().splitlines()
    assert head == "image,frame,time,x1,y1,x2,y2,score"
    assert row == "v.mp4,7,0.25,10.0,20.0,30.0,50.0,0.9"


def test_each_frame_has_files_of_its_own(tmp_path: Path) -> None:
    for output in (ImagesOutput(str(tmp_path)), CropsOutput(str(tmp_path))):
        output.write(FRAME, FOUND.select(torch.tensor([0])))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["v.mp4.frame-000007.face-001.png", "v.mp4.frame-000007.faces.png"]


def test_lines_are_in_the_file_before_it_is_closed(tmp_path: Path) -> None:
    output = JsonOutput(str(tmp_path / "a.jsonl"))
    output.write(NamedImage(os.fsdecode(b"caf\xe9.jpg"), ramp()), Detections.empty())
    output.write_error(UnreadImage("b.jpg", ImageError("broken")))
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert lines[1] == {"image": "b.jpg", "error": "broken"}
    assert os.fsencode(lines[0]["image"]) == b"caf\xe9.jpg"  # a name that is no UTF-8
    output.close()


@pytest.mark.parametrize("make", [JsonOutput, CsvOutput])
def test_a_dash_is_standard_output(make: type[Output], capsys: pytest.CaptureFixture[str]) -> None:
    output = make("-")  # type: ignore[call-arg]
    output.write(NamedImage("a.jpg", ramp()), FOUND)
    output.close()
    print("and more")
    lines = capsys.readouterr().out.splitlines()
    assert "a.jpg" in lines[-2]
    assert lines[-1] == "and more"


def test_a_name_that_is_no_utf_8_is_written_to_a_standard_output_of_utf_8(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    output = JsonOutput("-")
    output.write(NamedImage(os.fsdecode(b"caf\xe9.jpg"), ramp()), Detections.empty())
    output.close()
    assert b'{"image": "caf\\udce9.jpg", "boxes": []' in capfdbinary.readouterr().out


@pytest.mark.parametrize("make", [JsonOutput, CsvOutput])
def test_a_closed_standard_output_is_an_error(make: type[Output], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)  # as Python finds it after `>&-`
    with pytest.raises(
        UserError, match=r"^can't write to standard output, which is closed: set output\.path to a file"
    ):
        make("-")  # type: ignore[call-arg]


@pytest.mark.parametrize("make", [JsonOutput, CsvOutput])
def test_what_an_earlier_run_left_stays_until_there_is_something_to_write(tmp_path: Path, make: type[Output]) -> None:
    (tmp_path / "old").write_text("hours of work\n")
    output = make(str(tmp_path / "old"))  # type: ignore[call-arg]
    output.close()  # as it is when another output can't be opened
    assert (tmp_path / "old").read_text() == "hours of work\n"
    output = make(str(tmp_path / "old"))  # type: ignore[call-arg]
    for name in ("a.jpg", "b.jpg"):
        output.write(NamedImage(name, ramp()), FOUND)
    output.close()
    text = (tmp_path / "old").read_text()
    assert "hours" not in text
    assert "a.jpg" in text
    assert "b.jpg" in text


@pytest.mark.parametrize("make", [JsonOutput, CsvOutput])
def test_what_an_earlier_run_left_goes_where_no_picture_can_be_read(tmp_path: Path, make: type[Output]) -> None:
    (tmp_path / "old").write_text("faces of yesterday\n")
    output = make(str(tmp_path / "old"))  # type: ignore[call-arg]
    output.write_error(UnreadImage("broken.jpg", ImageError("broken")))
    output.close()
    assert "yesterday" not in (tmp_path / "old").read_text()


@pytest.mark.parametrize("make", [JsonOutput, CsvOutput])
def test_a_reader_that_goes_away_is_said_in_one_line(tmp_path: Path, make: type[Output]) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    output = make(str(tmp_path / "pipe"))  # type: ignore[call-arg]
    output.write(NamedImage("a.jpg", ramp()), FOUND)
    assert b"a.jpg" in os.read(reader, 1000)
    os.close(reader)
    for step in (lambda: output.write(NamedImage("b.jpg", ramp()), FOUND), output.close):
        with pytest.raises(UserError, match=r"can't write .*pipe: Broken pipe$"):
            step()


@pytest.mark.parametrize("path", ["", "-"])
@pytest.mark.parametrize("make", [ImagesOutput, CropsOutput])
def test_pictures_need_a_folder_that_is_named(
    tmp_path: Path, make: type[Output], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImageError, match=rf"^can't write pictures to '{path}': set output\.path to a folder"):
        make(path)  # type: ignore[call-arg]
    assert list(tmp_path.iterdir()) == []
    make("./-")  # type: ignore[call-arg]
    assert (tmp_path / "-").is_dir()


@pytest.mark.parametrize("make", [ImagesOutput, CropsOutput])
def test_a_name_too_long_for_its_ending_is_cut_and_stays_one_of_its_own(tmp_path: Path, make: type[Output]) -> None:
    output = make(str(tmp_path))  # type: ignore[call-arg]
    for name in ("ä" * 125 + "1.jpg", "ä" * 125 + "2.jpg"):  # 255 bytes, the most that file systems take
        output.write(NamedImage(f"deep/{name}", ramp()), FOUND)
    made = sorted((tmp_path / "deep").iterdir())
    assert len(made) == {ImagesOutput: 2, CropsOutput: 4}[make]  # type: ignore[index]
    assert all(path.name.startswith("ä" * 100) and is_made(path) for path in made)


@pytest.mark.parametrize(
    ("make", "remedy"), [(JsonOutput, "file"), (CsvOutput, "file"), (ImagesOutput, "folder"), (CropsOutput, "folder")]
)
def test_a_place_that_can_not_be_written_to_is_named_at_once(tmp_path: Path, make: type[Output], remedy: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=rf"can't write .*file/x: .*; set output\.path to a {remedy}"):
        make(str(tmp_path / "file" / "x"))  # type: ignore[call-arg]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("make", [JsonOutput, CsvOutput])
def test_a_full_disk_is_said_in_one_line(make: type[Output]) -> None:
    with pytest.raises(UserError, match=r"can't write /dev/full: No space left on device"):
        make("/dev/full").write(NamedImage("a.jpg", ramp()), FOUND)  # type: ignore[call-arg]
