from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import PIL.Image
import PIL.PngImagePlugin
import pytest

from mtcnn_lit.images import write_image
from mtcnn_lit.sources import SourceError, Yolo
from tests.damaged_exif import write_avif_with_damaged_exif

ORIENTATION = 0x0112
TURNED = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>"""


def write(root: Path, name: str, labels: str | None, size: tuple[int, int] = (100, 200)) -> None:
    """A picture of this height and width, and its label file unless None."""
    write_image(root / "images/train" / name, np.zeros((*size, 3), np.uint8))
    path = (root / "labels/train" / name).with_suffix(".txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    if labels is not None:
        path.write_text(labels)


def test_shares_become_pixels_and_pictures_without_labels_stay(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 0.25 0.5\n\n1 0.125 0.25 0.25 0.5\n")
    write(tmp_path, "b.png", None)
    write(tmp_path, "deep/c.png", "")
    source = Yolo(tmp_path, "train")
    assert [annotation.name for annotation in source.annotations] == ["a.png", "b.png", "deep/c.png"]
    assert source.annotations[0].faces.tolist() == [[75, 25, 125, 75], [0, 0, 50, 50]]
    assert source.read(2).shape == (100, 200, 3)
    assert source.summary() == "Yolo train: 3 images, 2 faces, 0 ignored, 0 skipped"


def test_low_boxes_are_ignored_and_boxes_without_area_dropped(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 0.25 0.1875\n0 0.5 0.5 0.25 0.25\n0 0.5 0.5 0 0.25")
    annotation = Yolo(tmp_path, "train").annotations[0]
    assert annotation.faces.tolist() == [[75, 37.5, 125, 62.5]]
    assert annotation.ignored.tolist() == [[75, 40.625, 125, 59.375]]
    assert len(Yolo(tmp_path, "train", min_height=18).annotations[0].faces) == 2


def test_a_box_that_stands_twice_is_one_face(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 0.5 0.5\n0 0.5 0.5 0.5 0.5\n0 0.5 0.500 0.5 0.5\n0 0.5 0.5 0.25 0.5\n")
    assert Yolo(tmp_path, "train").annotations[0].faces.tolist() == [[50, 25, 150, 75], [75, 25, 125, 75]]


def test_boxes_of_several_classes_are_faces_but_not_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 0.5 0.5\n2 0.5 0.5 1 1\n")
    write(tmp_path, "b.png", "0 0.5 0.5 0.5 0.5\n")
    assert [len(annotation.faces) for annotation in Yolo(tmp_path, "train").annotations] == [2, 1]
    (word,) = caplog.messages
    assert word.endswith("the boxes of all 2 classes count as faces, 0, 2; source.class_id takes one of them alone")


def test_class_id_filters(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 0.5 0.5\n3 0.5 0.5 1 1\n")
    assert Yolo(tmp_path, "train", class_id=3).annotations[0].faces.tolist() == [[0, 0, 200, 100]]
    assert caplog.messages == []


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_boxes_fit_the_picture_that_read_gives(tmp_path: Path, extension: str, orientation: int) -> None:
    write(tmp_path, "x.png", None)
    write(tmp_path, f"a.{extension}", "0 0.5 0.5 1 1")
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = orientation
    PIL.Image.new("RGB", (60, 40)).save(tmp_path / f"images/train/a.{extension}", exif=exif)
    source = Yolo(tmp_path, "train")
    height, width = source.read(0).shape[:2]
    assert {height, width} == {40, 60}
    assert source.annotations[0].faces.tolist() == [[0, 0, width, height]]
    if extension in {"jpg", "avif"}:
        assert (height, width) == ((60, 40) if orientation >= 5 else (40, 60))


@pytest.mark.parametrize("extension", ["jpg", "png", "webp", "avif"])
def test_boxes_fit_a_picture_whose_xmp_alone_says_that_it_is_turned(tmp_path: Path, extension: str) -> None:
    """As editors leave it when they turn the pixels, or cameras that write no EXIF: viewers don't agree on those."""
    write(tmp_path, f"a.{extension}", "0 0.5 0.5 1 1")
    options: dict[str, Any] = {"xmp": TURNED}
    if extension == "png":
        options = {"pnginfo": PIL.PngImagePlugin.PngInfo()}
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", TURNED.decode())
    PIL.Image.new("RGB", (60, 40)).save(tmp_path / f"images/train/a.{extension}", **options)
    source = Yolo(tmp_path, "train")
    height, width = source.read(0).shape[:2]
    assert source.annotations[0].faces.tolist() == [[0, 0, width, height]]


def test_boxes_fit_an_avif_whose_exif_is_damaged(tmp_path: Path) -> None:
    write(tmp_path, "a.avif", "0 0.5 0.5 1 1")
    write_avif_with_damaged_exif(tmp_path / "images/train/a.avif", np.zeros((40, 60, 3), np.uint8))
    source = Yolo(tmp_path, "train")
    assert source.read(0).shape == (40, 60, 3)
    assert source.annotations[0].faces.tolist() == [[0, 0, 60, 40]]


def test_boxes_fit_a_picture_of_a_phone_that_holds_a_second_one(tmp_path: Path) -> None:
    """A JPEG by its name, which Pillow calls MPO."""
    write(tmp_path, "a.jpg", "0 0.5 0.5 1 1")
    exif = PIL.Image.Exif()
    exif[ORIENTATION] = 6
    whole, half = PIL.Image.new("RGB", (60, 40)), PIL.Image.new("RGB", (30, 20))
    whole.save(tmp_path / "images/train/a.jpg", "MPO", save_all=True, append_images=[half], exif=exif)
    source = Yolo(tmp_path, "train")
    assert source.read(0).shape == (60, 40, 3)
    assert source.annotations[0].faces.tolist() == [[0, 0, 40, 60]]


def test_a_box_that_reaches_over_the_border_by_rounding_is_taken(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 1.005 0.5\n")
    assert Yolo(tmp_path, "train").annotations[0].faces.tolist() == [[-0.5, 25, 200.5, 75]]


def test_a_picture_of_any_size_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 1 1")
    monkeypatch.setattr(PIL.Image, "MAX_IMAGE_PIXELS", 100 * 200 // 3)  # twice that many are an error
    assert Yolo(tmp_path, "train").annotations[0].faces.tolist() == [[0, 0, 200, 100]]
    assert PIL.Image.MAX_IMAGE_PIXELS == 100 * 200 // 3


def test_a_byte_order_mark_is_no_part_of_a_row(tmp_path: Path) -> None:
    write(tmp_path, "a.png", None)
    (tmp_path / "labels/train/a.txt").write_bytes(b"\xef\xbb\xbf0 0.5 0.5 0.5 0.5\r\n")
    assert Yolo(tmp_path, "train").annotations[0].faces.tolist() == [[50, 25, 150, 75]]


def test_broken_pictures_are_skipped_and_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, "a.png", None)
    write(tmp_path, "b.jpg", None)
    codec = cv2.imencode(".avif", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    for name, content in (
        ("empty.jpg", b""),
        ("no_codec.avif", codec.replace(b"av1C", b"av1X")),
        ("text.png", b"hello"),
    ):
        (tmp_path / "images/train" / name).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        source = Yolo(tmp_path, "train")
    assert (len(source), source.skipped) == (2, 3)
    assert [record.getMessage().split("/")[-1] for record in caplog.records] == [
        "empty.jpg: not a picture, or a broken one",
        "no_codec.avif: not a picture, or a broken one",
        "text.png: not a picture, or a broken one",
    ]


def test_what_detection_made_of_the_pictures_is_no_picture_without_faces(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 0.25 0.5")
    write(tmp_path, "a.png.faces.png", None)
    write(tmp_path, "a.png.face-001.png", None)
    assert [annotation.name for annotation in Yolo(tmp_path, "train").annotations] == ["a.png"]


def test_a_picture_with_labels_is_one_by_any_name(tmp_path: Path) -> None:
    for name in ("a.png", "b.face-1.png", "c.faces.png"):
        write(tmp_path, name, "0 0.5 0.5 0.25 0.5")
    assert [annotation.name for annotation in Yolo(tmp_path, "train").annotations] == [
        "a.png",
        "b.face-1.png",
        "c.faces.png",
    ]


def test_labels_that_belong_to_no_picture_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Their pictures would pass for pictures without faces."""
    for name in ("a.png", "b.jpg", "deep/c.png", "broken.png"):
        write(tmp_path, name, "0 0.5 0.5 0.5 0.5" if name == "a.png" else None)
    (tmp_path / "images/train/broken.png").write_bytes(b"hello")
    labels = tmp_path / "labels/train"
    for name in ("b.jpg.txt", "deep/c.TXT", "deep2/c.txt", "classes.txt", "broken.txt", "notes.md", "../val/e.txt"):
        (labels / name).parent.mkdir(exist_ok=True)
        (labels / name).write_text("0 0.5 0.5 0.5 0.5")
    assert len(Yolo(tmp_path, "train")) == 3
    (word,) = [text for text in caplog.messages if "label files" in text]
    stray = f"{labels / 'b.jpg.txt'}; a label has its picture's name, with .txt instead of its ending"
    assert word == f"3 label files belong to no picture and are left out, e.g. {stray}"


def test_fingerprint_follows_labels_and_pixels(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "0 0.5 0.5 0.5 0.5")
    digests = {Yolo(tmp_path, "train").fingerprint(), Yolo(tmp_path, "train").fingerprint()}
    assert len(digests) == 1
    write(tmp_path, "a.png", "0 0.5 0.5 0.5 0.75")
    digests.add(Yolo(tmp_path, "train").fingerprint())
    write(tmp_path, "a.png", "0 0.5 0.5 0.5 0.5", size=(50, 100))
    digests.add(Yolo(tmp_path, "train").fingerprint())
    assert len(digests) == 3


@pytest.mark.parametrize(
    "row",
    [
        "0 0.5 0.5 0.5",
        "0 0.5 0.5 0.5 0.5 0.9",
        "face 0.5 0.5 0.5 0.5",
        "0 75 25 125 75",
        "0 0.5 nan 0.5 0.5",
        "nan 0.5 0.5 0.5 0.5",
        "0 -0.5 0.5 0.5 0.5",
        "0 0.5 0.5 1.02 0.5",
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, row: str) -> None:
    write(tmp_path, "a.png", f"0 0.5 0.5 0.5 0.5\n{row}\n")
    with pytest.raises(SourceError, match=rf"labels/train/a\.txt:2: expected 'class cx cy w h' .* found '{row}'"):
        Yolo(tmp_path, "train")


def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"/nowhere: no such folder; set source\.root"):
        Yolo("/nowhere", "train")
    with pytest.raises(SourceError, match=r"images/test: no such folder; put the pictures of split 'test' there"):
        Yolo(tmp_path, "test")
    (tmp_path / "images/test").mkdir(parents=True)
    with pytest.raises(SourceError, match=r"labels/test: no such folder; put the labels of split 'test' there"):
        Yolo(tmp_path, "test")
    (tmp_path / "labels/test").mkdir(parents=True)
    with pytest.raises(SourceError, match="images/test: no pictures for split 'test'"):
        Yolo(tmp_path, "test")
