from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np
import pytest

from mtcnn_lit.images import write_image
from mtcnn_lit.sources import SourceError, WiderFace

EVENT = "0--Parade"
FACE = "10 20 30 40 0 0 0 0 0 0"
HELD_OUT = (1, 2, 8, 9, 19, 27, 33)  # of the pictures 0.jpg to 39.jpg, for a share of 0.2


def write(root: Path, pictures: dict[str, list[str]], official: str = "train", absent: tuple[str, ...] = ()) -> None:
    """A data set whose pictures have these rows; those in ``absent`` are annotated but not on disk."""
    lines = []
    for name, rows in pictures.items():
        lines += [f"{EVENT}/{name}", str(len(rows)), *(rows or ["0 0 0 0 0 0 0 0 0 0"])]
        if name not in absent:
            write_image(root / f"WIDER_{official}/images/{EVENT}/{name}", np.zeros((80, 60, 3), np.uint8))
    annotation_file(root, official).parent.mkdir(exist_ok=True)
    annotation_file(root, official).write_text("\n".join(lines) + "\n")


def annotation_file(root: Path, official: str = "train") -> Path:
    return root / "wider_face_split" / f"wider_face_{official}_bbx_gt.txt"


def test_boxes_become_corners_and_pictures_without_faces_stay(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE, "0 0 25 25 1 1 1 0 1 1"], "b.jpg": [], "c.jpg": [FACE]})
    source = WiderFace(tmp_path, holdout=0)
    assert [annotation.name for annotation in source.annotations] == [f"{EVENT}/{name}.jpg" for name in "abc"]
    # The second face touches the corner of the picture and is kept.
    assert source.annotations[0].faces.tolist() == [[10, 20, 40, 60], [0, 0, 25, 25]]
    assert source.annotations[1].faces.shape == source.annotations[1].ignored.shape == (0, 4)
    assert source.read(2).shape == (80, 60, 3)
    assert source.summary() == "WiderFace train: 3 images, 3 faces, 0 ignored, 0 skipped"


@pytest.mark.parametrize(
    ("row", "options", "faces", "ignored"),
    [
        ("5 5 20 20 0 0 0 0 0 0", {}, 1, 0),
        ("5 5 20 9 0 0 0 0 0 0", {}, 0, 1),
        ("5 5 20 9 0 0 0 0 0 0", {"min_height": 9}, 1, 0),
        ("5 5 20 20 2 0 0 0 0 0", {}, 1, 0),
        ("5 5 20 20 2 0 0 0 0 0", {"max_blur": 1}, 0, 1),
        ("5 5 20 20 0 0 0 0 2 0", {}, 1, 0),
        ("5 5 20 20 0 0 0 0 2 0", {"max_occlusion": 1}, 0, 1),
        ("5 5 20 20 0 0 0 1 0 0", {}, 0, 1),
        ("5 5 20 20 0 0 0 1 0 0", {"ignore_invalid": False}, 1, 0),
        ("5 5 20 20 0 1 1 0 0 1", {"max_blur": 0, "max_occlusion": 0}, 1, 0),
        ("5 5 0 20 0 0 0 0 0 0", {}, 0, 0),
        ("5 5 20 0 0 0 0 1 0 0", {}, 0, 0),
    ],
)
def test_what_is_ignored(tmp_path: Path, row: str, options: dict[str, int], faces: int, ignored: int) -> None:
    write(tmp_path, {"a.jpg": [row]})
    annotation = WiderFace(tmp_path, holdout=0, **options).annotations[0]  # type: ignore[arg-type]
    assert (len(annotation.faces), len(annotation.ignored)) == (faces, ignored)


def test_pictures_of_a_partial_copy_are_skipped(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE], "b.jpg": [FACE], "c.jpg": []}, absent=("a.jpg", "c.jpg"))
    source = WiderFace(tmp_path, holdout=0)
    assert source.summary() == "WiderFace train: 1 images, 1 faces, 0 ignored, 2 skipped"
    assert source.annotations[0].name == f"{EVENT}/b.jpg"


def test_files_beside_the_events_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE]})
    (tmp_path / "WIDER_train/images/.DS_Store").touch()
    assert names(tmp_path, "train", 0) == {f"{EVENT}/a.jpg"}


def test_where_the_official_lists_are(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE]}, official="val")
    assert WiderFace(tmp_path, "test").truth_folder == tmp_path / "eval_ground_truth"
    assert WiderFace(tmp_path, "test", truth="lists").truth_folder == tmp_path / "lists"
    assert WiderFace(tmp_path, "test", truth=None).truth_folder is None
    write(tmp_path, {"a.jpg": [FACE]})
    assert WiderFace(tmp_path, holdout=0).truth_folder is None


def test_an_empty_copy_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE], "b.jpg": [FACE]}, absent=("a.jpg", "b.jpg"))
    (tmp_path / "WIDER_train/images").mkdir(parents=True)
    with pytest.raises(SourceError, match=r"WIDER_train/images: none of the 2 pictures can be used"):
        WiderFace(tmp_path, holdout=0)


def names(root: Path, split: str, holdout: float | str | list[str]) -> set[str]:
    return {annotation.name for annotation in WiderFace(root, split, holdout=holdout).annotations}  # type: ignore[arg-type]


def test_held_out_pictures_are_disjoint_and_do_not_depend_on_order_or_company(tmp_path: Path) -> None:
    pictures = {f"{number}.jpg": [FACE] for number in range(40)}
    write(tmp_path, pictures)
    train, val = names(tmp_path, "train", 0.2), names(tmp_path, "val", 0.2)
    assert train | val == {f"{EVENT}/{name}" for name in pictures}
    assert not train & val
    # Literal names: another machine or version must hold out the same ones.
    assert val == {f"{EVENT}/{number}.jpg" for number in HELD_OUT}
    assert val < names(tmp_path, "val", 0.5)
    by_default = {annotation.name for annotation in WiderFace(tmp_path, "val").annotations}
    assert by_default == {f"{EVENT}/{number}.jpg" for number in (2, 8, 9, 19)}  # a tenth or so
    write(tmp_path, dict(reversed(list(pictures.items())[10:])))
    assert names(tmp_path, "val", 0.2) == {f"{EVENT}/{number}.jpg" for number in HELD_OUT if number >= 10}


def test_whole_events_can_be_held_out(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE]})
    other = annotation_file(tmp_path).read_text().replace(EVENT, "1--Other")
    annotation_file(tmp_path).write_text(annotation_file(tmp_path).read_text() + other)
    images = tmp_path / "WIDER_train/images"
    shutil.copytree(images / EVENT, images / "1--Other")
    assert names(tmp_path, "train", ["1--Other"]) == {f"{EVENT}/a.jpg"}
    assert names(tmp_path, "val", ["1--Other"]) == {"1--Other/a.jpg"}


def test_one_event_can_be_held_out_by_its_name_alone(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE]})
    assert names(tmp_path, "val", EVENT) == {f"{EVENT}/a.jpg"}


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE], "b.jpg": [FACE]})
    annotation_file(tmp_path).write_bytes(b"\xef\xbb\xbf" + annotation_file(tmp_path).read_bytes())
    assert names(tmp_path, "train", 0) == {f"{EVENT}/a.jpg", f"{EVENT}/b.jpg"}


def test_empty_lines_at_the_end_say_nothing(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE]})
    annotation_file(tmp_path).write_text(annotation_file(tmp_path).read_text() + "\n \n")
    assert names(tmp_path, "train", 0) == {f"{EVENT}/a.jpg"}


def test_test_split_is_the_official_validation_set(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE]})
    write(tmp_path, {"v.jpg": [FACE], "w.jpg": []}, official="val")
    assert names(tmp_path, "test", 0.1) == {f"{EVENT}/v.jpg", f"{EVENT}/w.jpg"}


def test_fingerprint_follows_the_annotations(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE]})
    digest = WiderFace(tmp_path, holdout=0).fingerprint()
    assert WiderFace(tmp_path, holdout=0).fingerprint() == digest
    assert WiderFace(tmp_path, holdout=0, min_height=50).fingerprint() != digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{EVENT}/a.jpg\n1\n1 2 3\n", ":3: expected ten whole numbers 'x y w h blur .* found '1 2 3'"),
        (f"{EVENT}/a.jpg\n1\n1 2 x 4 0 0 0 0 0 0\n", ":3: expected ten whole numbers"),
        (f"{EVENT}/a.jpg\n1\n{'9' * 5000} 2 3 4 0 0 0 0 0 0\n", ":3: expected ten whole numbers"),
        (f"{EVENT}/a.jpg\n1\n{'9' * 30} 2 3 4 0 0 0 0 0 0\n", ":3: expected ten whole numbers"),
        (f"{EVENT}/a.jpg\n1\n-{'9' * 30} 2 3 4 0 0 0 0 0 0\n", ":3: expected ten whole numbers"),
        (f"{EVENT}/a.jpg\nmany\n{FACE}\n", f":2: expected the number of faces of {EVENT}/a.jpg, found 'many'"),
        (f"{EVENT}/a.jpg\n{'9' * 5000}\n", ":2: expected the number of faces"),
        (f"{EVENT}/a.jpg\n2\n{FACE}\n", f":4: expected 2 faces of {EVENT}/a.jpg, found the end of the file"),
        (f"{EVENT}/a.jpg\n", ":2: expected the number of faces .* found the end of the file"),
        (f"{EVENT}/a.jpg\n1\n{FACE}\n{FACE}\n", f":4: expected a picture as event/file, found '{FACE}'"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, {"a.jpg": [FACE]})
    annotation_file(tmp_path).write_text(text)
    with pytest.raises(SourceError, match="wider_face_train_bbx_gt.txt" + message):
        WiderFace(tmp_path, holdout=0)


def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"/nowhere: no such folder; set source\.root"):
        WiderFace("/nowhere")
    with pytest.raises(SourceError, match=r"WIDER_train/images: no such folder; unpack WIDER_train\.zip"):
        WiderFace(tmp_path)
    write(tmp_path, {"a.jpg": [FACE]})
    annotation_file(tmp_path).unlink()
    with pytest.raises(SourceError, match=r"bbx_gt\.txt: No such file or directory; unpack wider_face_split\.zip"):
        WiderFace(tmp_path)


def test_a_hold_out_that_can_not_be_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, {"a.jpg": [FACE]})
    for nothing in (0, 1e-9):
        with pytest.raises(
            SourceError, match=rf"holdout={nothing} holds no picture back for 'val'; set source.holdout=0"
        ):
            WiderFace(tmp_path, "val", holdout=nothing)
    with pytest.raises(SourceError, match=r"a share from 0 to under 1, or names of events, not 1\.5"):
        WiderFace(tmp_path, holdout=1.5)
    with pytest.raises(SourceError, match=r"source\.holdout: no event '9--Party' in the annotation file"):
        WiderFace(tmp_path, holdout=["9--Party"])
    with pytest.raises(SourceError, match=r"source\.holdout: no event is left to train on; hold less back"):
        WiderFace(tmp_path, holdout=[EVENT])
    with pytest.raises(SourceError, match=r"source\.holdout: no picture is left to train on; hold less back"):
        WiderFace(tmp_path, holdout=0.9999)
    with pytest.raises(SourceError, match="no split 'dev'; take train, val or test"):
        WiderFace(tmp_path, "dev")  # type: ignore[arg-type]


@pytest.mark.widerface
def test_real_photographs(widerface_root: Path) -> None:
    train, val, test = (WiderFace(widerface_root, split) for split in ("train", "val", "test"))
    assert len(train) + len(val) == 2152
    assert not {a.name for a in train.annotations} & {a.name for a in val.annotations}
    assert 0.08 < len(val) / 2152 < 0.12
    assert test.summary() == "WiderFace test: 163 images, 2,745 faces, 657 ignored, 0 skipped"
    assert test.read(0).shape[1] == 1024


@pytest.mark.widerface
def test_the_whole_training_annotation_of_which_most_pictures_are_not_here(
    widerface_root: Path, tmp_path: Path
) -> None:
    packed = widerface_root / "wider_face_split" / "wider_face_train_bbx_gt_all_12880.txt.gz"
    annotation_file(tmp_path).parent.mkdir()
    annotation_file(tmp_path).write_bytes(gzip.decompress(packed.read_bytes()))
    (tmp_path / "WIDER_train").symlink_to(widerface_root / "WIDER_train")
    source = WiderFace(tmp_path, holdout=0)
    assert (len(source), source.skipped) == (2152, 12880 - 2152)
    assert source.summary() == WiderFace(widerface_root, holdout=0).summary().replace(" 0 skip", " 10,728 skip")
