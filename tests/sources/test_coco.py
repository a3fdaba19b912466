from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mtcnn_lit.images import write_image
from mtcnn_lit.sources import Coco, SourceError

PATHS = {"train": "labels/train.json", "val": "labels/val.json"}
FOLDERS = {"train": "train", "val": "val"}


def box(image_id: object, bbox: object, category_id: object = 1, **more: object) -> dict[str, Any]:
    return {"image_id": image_id, "bbox": bbox, "category_id": category_id, **more}


def write(root: Path, annotations: list[dict[str, Any]], **changes: object) -> None:
    """Two pictures on disk, a third that isn't, and these annotations."""
    images = [{"id": number, "file_name": f"part/{number}.png"} for number in (1, 2, 3)]
    categories = [{"id": 1, "name": "face"}, {"id": 2, "name": "dog"}]
    content = {"images": images, "annotations": annotations, "categories": categories, **changes}
    write_text(root, json.dumps(content))
    for number in (1, 2):
        write_image(root / f"train/part/{number}.png", np.full((50, 70, 3), number, np.uint8))


def write_text(root: Path, text: str) -> None:
    (root / "labels").mkdir(exist_ok=True)
    (root / "labels/train.json").write_text(text)


def coco(root: Path, **options: Any) -> Coco:
    return Coco(root, "train", annotations=PATHS, images=FOLDERS, **options)


def test_boxes_become_corners_and_images_without_annotations_stay(tmp_path: Path) -> None:
    write(tmp_path, [box(2, [0, 1.5, 10, 20]), box(3, [0, 0, 30, 30])])
    source = coco(tmp_path)
    assert [annotation.name for annotation in source.annotations] == ["part/1.png", "part/2.png"]
    assert source.annotations[0].faces.shape == (0, 4)
    assert source.annotations[1].faces.tolist() == [[0, 1.5, 10, 21.5]]
    assert source.read(1)[0, 0].tolist() == [2, 2, 2]
    assert source.summary() == "Coco train: 2 images, 1 faces, 0 ignored, 1 skipped"


def test_each_split_has_its_own_file_and_folder(tmp_path: Path) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20])])
    content = {"images": [{"id": 5, "file_name": "v.png"}], "annotations": [box(5, [1600, 0, 30, 30])]}
    (tmp_path / "labels/val.json").write_text(json.dumps(content))
    write_image(tmp_path / "val/v.png", np.full((50, 1700, 3), 9, np.uint8))
    source = Coco(tmp_path, "val", annotations=PATHS, images=FOLDERS)
    assert [(annotation.name, annotation.faces.tolist()) for annotation in source.annotations] == [
        ("v.png", [[1600, 0, 1630, 30]])
    ]
    assert source.read(0)[0, 0].tolist() == [9, 9, 9]


def test_crowds_and_low_boxes_are_ignored_and_boxes_without_area_dropped(tmp_path: Path) -> None:
    crowd = box(1, [1, 1, 40, 40], iscrowd=1)
    write(tmp_path, [box(1, [5, 5, 20, 20], iscrowd=0), crowd, box(1, [0, 0, 9, 19]), box(1, [0, 0, 0, 30])])
    annotation = coco(tmp_path).annotations[0]
    assert annotation.faces.tolist() == [[5, 5, 25, 25]]
    assert annotation.ignored.tolist() == [[1, 1, 41, 41], [0, 0, 9, 19]]
    assert len(coco(tmp_path, min_height=19).annotations[0].faces) == 2


def test_category_filters_by_name(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20], 1), box(1, [9, 9, 20, 20], 2)])
    assert coco(tmp_path, category="dog").annotations[0].faces.tolist() == [[9, 9, 29, 29]]
    assert caplog.messages == []
    with pytest.raises(SourceError, match=r"no category 'cat'; set source\.category to one of: face, dog"):
        coco(tmp_path, category="cat")


def test_a_category_whose_name_is_a_number(tmp_path: Path) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20], 7), box(1, [9, 9, 20, 20], 2)], categories=[{"id": 7, "name": "1"}])
    number: Any = 1  # as Hydra reads source.category=1
    assert coco(tmp_path, category=number).annotations[0].faces.tolist() == [[0, 0, 20, 20]]


def test_boxes_of_several_categories_are_faces_but_not_without_a_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20], 1), box(1, [9, 9, 20, 20], 2)])
    assert len(coco(tmp_path).annotations[0].faces) == 2
    (word,) = caplog.messages
    assert word.endswith("the boxes of all 2 categories count as faces; source.category takes those of one name alone")


@pytest.mark.parametrize(("image_id", "category_id"), [(1, 1), ("1", "1"), (1.0, 1.0), (1, "1")])
def test_ids_are_the_same_as_number_and_as_text(tmp_path: Path, image_id: object, category_id: object) -> None:
    write(tmp_path, [box(image_id, [0, 0, 20, 20], category_id)])
    assert coco(tmp_path, category="face").annotations[0].faces.tolist() == [[0, 0, 20, 20]]


def test_all_categories_of_the_name_count(tmp_path: Path) -> None:
    categories = [{"id": 1, "name": "face"}, {"id": 2, "name": "dog"}, {"id": "3", "name": "face"}]
    annotations = [box(1, [number, 0, 20, 20], number) for number in (1, 2, 3)]
    write(tmp_path, annotations, categories=categories)
    assert coco(tmp_path, category="face").annotations[0].faces.tolist() == [[1, 0, 21, 20], [3, 0, 23, 20]]


@pytest.mark.parametrize(
    ("iscrowd", "ignored"), [("0", 0), ("1", 1), (0.0, 0), (1.0, 1), (None, 0), (False, 0), (True, 1), ("", 0)]
)
def test_iscrowd_is_a_number_also_as_text(tmp_path: Path, iscrowd: object, ignored: int) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20], iscrowd=iscrowd)])
    annotation = coco(tmp_path).annotations[0]
    assert (len(annotation.faces), len(annotation.ignored)) == (1 - ignored, ignored)


def test_an_iscrowd_that_is_no_number_is_named(tmp_path: Path) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20], iscrowd="no")])
    with pytest.raises(SourceError, match=r"train\.json: annotations\[0\] needs an 'iscrowd' of 0 or 1"):
        coco(tmp_path)


def test_a_category_without_an_id_is_none(tmp_path: Path) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20])], categories=[{"name": "face"}, {"id": 1, "name": "dog"}])
    with pytest.raises(SourceError, match=r"no category 'face'; set source\.category to one of: face, dog"):
        coco(tmp_path, category="face")


def test_a_file_that_lists_no_picture_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20])], images=[])
    with pytest.raises(SourceError, match="train: no pictures for split 'train'"):
        coco(tmp_path)


def test_annotations_of_other_images_alone_are_an_error(tmp_path: Path) -> None:
    """Not a data set without faces."""
    write(tmp_path, [box("0001", [0, 0, 20, 20]), box("0002", [0, 0, 20, 20])])
    with pytest.raises(
        SourceError, match=r"no annotation is of a listed image: the first 'image_id' is '0001', .* 'id' 1; export"
    ):
        coco(tmp_path)
    write(tmp_path, [box("0001", [0, 0, 20, 20]), box(2, [0, 0, 20, 20])])  # as when some images were taken out
    assert coco(tmp_path).summary() == "Coco train: 2 images, 1 faces, 0 ignored, 1 skipped"


def test_an_image_that_is_listed_again_is_one_with_all_its_boxes(tmp_path: Path) -> None:
    images = [{"id": number, "file_name": f"part/{name}.png"} for number, name in ((1, 1), (1, 1), (7, 1), (2, 2))]
    first, second = [0, 0, 20, 20], [30, 0, 20, 20]
    write(tmp_path, [box(1, first), box(7, first), box(7, second)], images=images)
    source = coco(tmp_path)
    assert source.annotations[0].faces.tolist() == [[0, 0, 20, 20], [30, 0, 50, 20]]
    assert source.summary() == "Coco train: 2 images, 2 faces, 0 ignored, 0 skipped"


def test_a_name_too_long_for_a_file_is_one_that_is_not_there(tmp_path: Path) -> None:
    write(tmp_path, [], images=[{"id": 1, "file_name": "part/1.png"}, {"id": 2, "file_name": "x" * 300}])
    assert coco(tmp_path).summary() == "Coco train: 1 images, 0 faces, 0 ignored, 1 skipped"


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path: Path) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20])])
    path = tmp_path / "labels/train.json"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert coco(tmp_path).summary() == "Coco train: 2 images, 1 faces, 0 ignored, 1 skipped"


def test_fingerprint_follows_the_annotations(tmp_path: Path) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20])])
    digest = coco(tmp_path).fingerprint()
    assert coco(tmp_path).fingerprint() == digest
    assert coco(tmp_path, min_height=30).fingerprint() != digest


@pytest.mark.parametrize(
    "bbox",
    [
        None,
        [1, 2, 3],
        [1, 2, 3, 4, 5],
        ["1", 2, 3, 4],
        [1, 2, 3, float("nan")],
        [1, 2, 3, float("inf")],
        [-float("inf"), 1, 2, 3],
        [10**400, 1, 2, 3],
    ],
)
def test_a_malformed_box_is_named(tmp_path: Path, bbox: object) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20]), box(1, bbox)])
    with pytest.raises(SourceError, match=r"train\.json: annotations\[1\] needs an 'image_id' and a 'bbox'"):
        coco(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"images":\n oops}', r"train\.json:2: no JSON"),
        ("[" * 100_000, r"train\.json: no JSON"),
        ("[]", r"train\.json: no instances JSON but a list"),
        ("{}", r"train\.json: no list of objects under 'annotations'"),
        ('{"annotations": [], "images": [1]}', r"train\.json: no list of objects under 'images'"),
        ('{"annotations": [], "images": [{"id": 1}]}', r"train\.json: images\[0\] needs an 'id' and a 'file_name'"),
    ],
)
def test_a_malformed_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, [])
    write_text(tmp_path, text)
    with pytest.raises(SourceError, match=message):
        coco(tmp_path)


def test_what_is_missing_is_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"/nowhere: no such folder; set source\.root"):
        coco(Path("/nowhere"))
    with pytest.raises(SourceError, match=r"train: no such folder; set source\.images\.train"):
        coco(tmp_path)
    (tmp_path / "train").mkdir()
    with pytest.raises(SourceError, match=r"train\.json: No such file or directory; set source\.annotations\.train"):
        coco(tmp_path)
    with pytest.raises(SourceError, match=r"source\.annotations names nothing for split 'test'"):
        Coco(tmp_path, "test", annotations=PATHS, images=FOLDERS)


def test_no_picture_on_disk_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, [], images=[{"id": 1, "file_name": "gone.png"}])
    with pytest.raises(SourceError, match="train: none of the 1 pictures can be used"):
        coco(tmp_path)


def test_a_picture_under_two_spellings_is_one(tmp_path: Path) -> None:
    images = [{"id": 1, "file_name": "part/1.png"}, {"id": 2, "file_name": "./part//1.png"}]
    write(tmp_path, [box(1, [0, 0, 20, 20]), box(2, [0, 0, 30, 30])], images=images)
    (only,) = coco(tmp_path).annotations
    assert (only.name, only.faces.tolist()) == ("part/1.png", [[0, 0, 20, 20], [0, 0, 30, 30]])


def test_annotations_of_images_that_are_not_listed_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write(tmp_path, [box(1, [0, 0, 20, 20]), box(77, [0, 0, 20, 20]), box(78, [0, 0, 20, 20])])
    assert coco(tmp_path).summary() == "Coco train: 2 images, 1 faces, 0 ignored, 1 skipped"
    assert caplog.messages == [
        f"{tmp_path}/labels/train.json: 2 annotations are left out: they are of images that it doesn't list"
    ]
