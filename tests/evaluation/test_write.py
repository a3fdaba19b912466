from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from mtcnn_lit.detections_file import detections_line, read_detections
from mtcnn_lit.draw import DETECTION
from mtcnn_lit.errors import UserError
from mtcnn_lit.evaluation import (
    SplitDetections,
    detect_split,
    listed_detections,
    score,
    summary,
    write_evaluation,
)
from mtcnn_lit.evaluation.scores import Band
from mtcnn_lit.images import Image, ImageError
from tests.bright_squares import bright_cascade, picture
from tests.evaluation.examples import ELSEWHERE, MIDDLE, TALL, Unreadable, detections, found_by_hand
from tests.full_disk import needs_full_device
from tests.mining.pictures import Pictures, annotate

ABOUT = {"weights": {"pnet": "0a1b"}, "detector": {"thresholds": [0.6, 0.7, 0.7]}}


class SecondBroken(Pictures):
    """The second picture can't be read."""

    def read(self, index: int) -> Image:
        if index == 1:
            raise ImageError("b is broken")
        return super().read(index)


def write(found: SplitDetections, folder: Path) -> dict[str, bytes]:
    return write_evaluation(found, score(found), ABOUT, folder, draw_above=0.7)


def test_all_files_of_a_cascade(tmp_path: Path) -> None:
    found = detect_split(bright_cascade(), found_by_hand().source)
    pictures = write(found, tmp_path / "new")
    charts = {"precision_recall", "roc", "recall_by_height", "ledger"}
    assert set(pictures) == charts | {"misses", "detections"}  # nothing wrong was found
    files = {path.name for path in (tmp_path / "new").iterdir()}
    assert files == {f"{name}.png" for name in pictures} | {"metrics.json", "detections.jsonl", "report.html"}
    assert all(cv2.imread(str(tmp_path / "new" / f"{name}.png")) is not None for name in pictures)
    metrics = json.loads((tmp_path / "new" / "metrics.json").read_text())
    assert metrics["ledger"]["sizes"][">80"]["lost"]["pnet"]["faces"] == 2
    assert (metrics["images"], metrics["unreadable"], metrics["weights"]) == (2, 0, {"pnet": "0a1b"})


@needs_full_device
def test_on_a_full_disk_what_took_long_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "roc.png").symlink_to("/dev/full")
    message = (
        f"{folder}: No space left on device; make room, then the same command with "
        f"'detections={folder}/detections.jsonl', which spares detecting again"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        write(found_by_hand(), folder)
    assert len((folder / "detections.jsonl").read_text().splitlines()) == 2
    assert json.loads((folder / "metrics.json").read_text())["images"] == 2


@needs_full_device
def test_on_a_full_disk_no_detections_are_promised_that_are_not_whole(tmp_path: Path) -> None:
    (tmp_path / "detections.jsonl").symlink_to("/dev/full")
    message = f"{tmp_path}: No space left on device; make room, then the same command again"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        write(found_by_hand(), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["detections.jsonl"]


def test_detections_are_written_as_detect_py_does(tmp_path: Path) -> None:
    found = found_by_hand()
    broken = replace(found, indices=[0], detections=[detections()], errors={0: ImageError("broken")})
    write(broken, tmp_path)
    assert json.loads((tmp_path / "detections.jsonl").read_text()) == {"image": "a picture", "error": "broken"}
    assert list(read_detections(tmp_path / "detections.jsonl")) == ["a picture"]


def test_names_that_are_no_utf_8_are_written_with_escapes(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    error = ImageError(f"can't read {name}: not a picture, or a broken one")
    broken = replace(found_by_hand(), indices=[0], detections=[detections()], errors={0: error})
    about = {**ABOUT, "source": f"Yolo {name}"}
    write_evaluation(broken, score(broken), about, tmp_path, draw_above=0.7)
    assert json.loads((tmp_path / "detections.jsonl").read_text())["error"] == str(error)
    assert json.loads((tmp_path / "metrics.json").read_text())["source"] == f"Yolo {name}"
    assert "caf\\udce9.jpg" in (tmp_path / "report.html").read_text()


def test_what_was_written_can_be_scored_though_a_picture_is_broken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The largest misses are the broken picture's, and those that are drawn the other's."""
    shown = picture(100, 160, MIDDLE)
    source = SecondBroken((shown, annotate(MIDDLE, ELSEWHERE)), (shown, annotate(*[TALL] * 30)))
    source.annotations = [replace(each, name=name) for each, name in zip(source.annotations, "ab", strict=True)]
    first = detect_split(bright_cascade(), source)
    write(first, tmp_path / "first")
    lines = tmp_path / "first" / "detections.jsonl"
    again = listed_detections(lines, source)
    lines.write_text(f"{lines.read_text().splitlines()[0]}\n{detections_line('b', detections())}\n")
    others = listed_detections(lines, source)  # of a machine where the picture is whole
    caplog.clear()
    for name, found, unreadable, said in (("again", again, 1, []), ("others", others, 0, ["not drawn: b is broken"])):
        assert set(write(found, tmp_path / name)) >= {"misses", "detections"}
        metrics = [json.loads((tmp_path / each / "metrics.json").read_text()) for each in ("first", name)]
        assert metrics[0]["ap"] == metrics[1]["ap"] > 0
        assert [each["unreadable"] for each in metrics] == [1, unreadable]
        assert caplog.messages == said


def test_no_picture_could_be_read(tmp_path: Path) -> None:
    source = Unreadable((picture(30, 30), annotate((0, 0, 20, 20))))
    pictures = write(detect_split(bright_cascade(), source), tmp_path)
    assert set(pictures) == {"precision_recall", "roc", "recall_by_height"}
    assert json.loads((tmp_path / "metrics.json").read_text())["unreadable"] == 1


def test_the_page_shows_every_picture_and_figure_without_a_network(tmp_path: Path) -> None:
    found = found_by_hand()
    pictures = write(found, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(pictures)
    assert {"misses", "false_positives"} <= set(pictures)
    assert "0.417" in page
    assert "http" not in page
    assert "0a1b" in page


def test_a_wrong_detection_is_drawn_on_its_sheet_whatever_its_score(tmp_path: Path) -> None:
    found = found_by_hand()
    pictures = write_evaluation(found, score(found), ABOUT, tmp_path, draw_above=1.0)
    drawn = {}
    for name in ("false_positives", "detections"):
        image = cv2.imread(str(tmp_path / f"{name}.png"))[:, :, ::-1]
        drawn[name] = bool((image == np.array(DETECTION)).all(axis=2).any())
    assert set(drawn) <= set(pictures)
    assert drawn == {"false_positives": True, "detections": False}


def test_what_can_not_be_measured_is_null(tmp_path: Path) -> None:
    found = found_by_hand()
    source = type(found.source)()
    write(SplitDetections(source, [], []), tmp_path)
    metrics = json.loads((tmp_path / "metrics.json").read_text(), parse_constant=lambda name: name)
    assert metrics["ap"] is None


def test_the_terminal_gets_the_figures_and_the_ledger() -> None:
    found = found_by_hand()
    lines = summary(found, score(found)).splitlines()
    assert lines[0] == "Pictures train: 2 images, 4 faces, 1 ignored, 0 skipped"
    assert lines[1].split() == ["value"]
    assert lines[2].split() == ["AP", "at", "IoU", ".5", "0.417"]
    assert lines[-1] == "right by score: 100% from 0.9 on, 0% from 0.8 to 0.9, 100% from 0.6 to 0.7"
    detected = detect_split(bright_cascade(), found.source)
    assert "Faces not lost yet after each step (IoU 0.5):" in summary(detected, score(detected))


def test_a_hundred_percent_are_right_only_where_all_are() -> None:
    found = found_by_hand()
    bands = [Band(0.9, 1000, 996), Band(0.8, 1000, 1000)]
    line = summary(found, replace(score(found), bands=bands)).splitlines()[-1]
    assert line == "right by score: 99% from 0.9 on, 100% from 0.8 to 0.9"


def test_without_faces_the_false_positives_are_counted() -> None:
    source = Pictures((picture(100, 160, MIDDLE), annotate()), (picture(100, 160, MIDDLE), annotate(ignored=[MIDDLE])))
    found = detect_split(bright_cascade(), source)
    assert "false positives: 1 in 2 images" in summary(found, score(found)).splitlines()
    assert score(found).figures()["false_positives"] == 1


def test_a_path_as_long_as_a_digest_is_shown_whole(tmp_path: Path) -> None:
    found, path = found_by_hand(), f"/home/{'x' * 55}.pt"
    write_evaluation(found, score(found), {"weights": path, "digest": "0a" * 32}, tmp_path, draw_above=0.7)
    page = (tmp_path / "report.html").read_text()
    assert len(path) == 64
    assert path in page
    assert "0a" * 6 in page
    assert "0a" * 7 not in page
