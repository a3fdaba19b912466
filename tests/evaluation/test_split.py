from __future__ import annotations

from pathlib import Path

import pytest
import torch

from mtcnn_lit import Detections
from mtcnn_lit.detections_file import DetectionsFileError, detections_line, error_line
from mtcnn_lit.evaluation import detect_split, listed_detections
from mtcnn_lit.images import Image, ImageError
from tests.bright_squares import bright_cascade, picture
from tests.evaluation.examples import Unreadable
from tests.mining.pictures import Pictures, annotate

FACE = (40, 20, 80, 60)


class WithABrokenOne(Pictures):
    """The second picture can't be read."""

    def read(self, index: int) -> Image:
        if index == 1:
            raise ImageError("can't read second.jpg: broken")
        return super().read(index)


def source() -> WithABrokenOne:
    shown = (picture(90, 120, FACE), annotate(FACE))
    return WithABrokenOne(shown, shown, (picture(90, 120), annotate((0, 0, 30, 30))))


def test_all_pictures_in_order_with_the_ledger() -> None:
    cascade, pictures = bright_cascade(), source()
    found = detect_split(cascade, pictures)
    assert [len(each) for each in found.detections] == [1, 0, 0]
    expected = cascade.detect([pictures.read(0)])[0]
    assert torch.equal(found.detections[0].boxes, expected.boxes)
    assert torch.equal(found.detections[0].scores, expected.scores)
    assert found.balance is not None
    assert found.balance.images == 2  # the broken one went through no step
    assert [(loss.image, loss.step) for loss in found.balance.losses] == [(2, "pnet")]
    assert found.seconds > float(found.balance.seconds.sum())


def test_a_picture_that_can_not_be_read_is_named_and_counts_as_one_without_detections() -> None:
    found = detect_split(bright_cascade(), source())
    assert {index: str(error) for index, error in found.errors.items()} == {1: "can't read second.jpg: broken"}


def test_when_no_picture_can_be_read_there_is_nothing_to_account_for() -> None:
    found = detect_split(bright_cascade(), Unreadable((picture(30, 30), annotate(FACE))))
    assert len(found.errors) == 1
    assert found.balance is None


def named(*names: str) -> Pictures:
    pictures = Pictures(*[(picture(30, 30), annotate(FACE))] * len(names))
    pictures.annotations = [
        type(annotation)(name, annotation.faces, annotation.ignored)
        for name, annotation in zip(names, pictures.annotations, strict=True)
    ]
    return pictures


def test_listed_detections_belong_to_the_pictures_of_their_names(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    one = Detections(torch.tensor([[1.0, 2, 3, 4]]), torch.tensor([0.5]))
    path.write_text("\n".join([detections_line("c.jpg", one), error_line("a.jpg", ImageError("broken"))]))
    found = listed_detections(path, named("a.jpg", "b.jpg", "c.jpg"))
    assert list(found.indices) == [2, 0]
    assert [len(each) for each in found.detections] == [1, 0]
    assert {index: str(error) for index, error in found.errors.items()} == {0: "broken"}
    assert found.balance is None


def test_a_picture_that_the_source_does_not_have_is_named(tmp_path: Path) -> None:
    path = tmp_path / "found.jsonl"
    path.write_text(detections_line("images/a.jpg", Detections.empty()))
    with pytest.raises(
        DetectionsFileError, match=r"lists 'images/a\.jpg', which is no picture .* names are like 'a\.jpg'"
    ):
        listed_detections(path, named("a.jpg"))
