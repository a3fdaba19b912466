"""The callbacks that look at validation images: which of them they refuse, and which they go on without."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import distributed
from torch.testing._internal.distributed.fake_pg import FakeStore

from mtcnn_lit.callbacks import CascadeAP, PatchSheet, RenderDetections
from mtcnn_lit.cascade import Cascade
from mtcnn_lit.images import Image, ImageError, read_image
from mtcnn_lit.nets import Net, ONet
from mtcnn_lit.sources import SourceError
from tests.bright_squares import bright_cascade, picture
from tests.mining.pictures import Pictures, annotate

FACE = (40, 20, 80, 60)
SHOWN = (picture(90, 120, FACE), annotate(FACE))
EMPTY = (picture(90, 120), annotate(ignored=[(0, 0, 9, 9)]))


class Broken(Pictures):
    """The second picture can't be read."""

    def read(self, index: int) -> Image:
        if index == 1:
            raise ImageError("can't read second.jpg: broken")
        return super().read(index)


def by_hand(net: Net) -> Cascade:
    return bright_cascade()


@pytest.fixture
def processes_on_gpus() -> Iterator[None]:
    """A group as NCCL makes it: it has no way for tensors of the host."""
    distributed.init_process_group("cuda:fake", store=FakeStore(), rank=0, world_size=2)
    yield
    distributed.destroy_process_group()


def validate(callback: CascadeAP | RenderDetections, epochs: int = 1) -> dict[str, float]:
    """What is logged in some epochs, of which the last one is drawn."""
    logged: dict[str, float] = {}
    module: Any = SimpleNamespace(net=ONet(), log=lambda name, value, **_: logged.update({name: float(value)}))
    for epoch in range(epochs):
        trainer: Any = SimpleNamespace(
            sanity_checking=False, is_global_zero=True, current_epoch=epoch, max_epochs=epochs, loggers=[]
        )
        callback.on_validation_epoch_end(trainer, module)
    return logged


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_in_a_picture_that_can_not_be_read_nothing_is_found(caplog: pytest.LogCaptureFixture) -> None:
    assert validate(CascadeAP(Pictures(SHOWN, SHOWN), by_hand)) == {"val/ap": 1.0}
    assert validate(CascadeAP(Broken(SHOWN, SHOWN), by_hand), epochs=3) == {"val/ap": 0.5}
    assert warnings(caplog) == ["unreadable image, counted as no detections: can't read second.jpg: broken"]


def test_val_ap_needs_no_other_process(processes_on_gpus: None) -> None:
    """Each looks at all the pictures, and those that train on GPUs can't gather what is in the host's memory."""
    assert validate(CascadeAP(Pictures(SHOWN, EMPTY), by_hand)) == {"val/ap": 1.0}


def test_a_picture_that_can_not_be_read_is_not_drawn(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    validate(RenderDetections(Broken(SHOWN, SHOWN), by_hand, tmp_path, every_n_epochs=1), epochs=2)
    assert read_image(tmp_path / "epoch_001.png").shape == (368, 488, 3)  # of one cell
    assert warnings(caplog) == ["not drawn: can't read second.jpg: broken"]


def test_where_no_picture_can_be_read_none_is_drawn(tmp_path: Path) -> None:
    source = Broken(SHOWN, SHOWN)
    callback = RenderDetections(source, by_hand, tmp_path)
    callback.images.indices = [1]
    validate(callback)
    assert list(tmp_path.iterdir()) == []


def test_without_a_face_there_is_no_ap() -> None:
    with pytest.raises(
        SourceError, match=r"no face in the train split \(Pictures train: 2 images, 0 faces, 2 ignored, 0 skipped\); "
    ):
        CascadeAP(Pictures(EMPTY, EMPTY), by_hand)


def test_without_a_face_in_the_images_that_are_looked_at_more_are_needed() -> None:
    source = Pictures(EMPTY, SHOWN, EMPTY)
    with pytest.raises(
        SourceError,
        match=r"^no face in the 2 images of the train split that val/ap is measured on \(Pictures train: 3 images, "
        r"1 faces, 2 ignored, 0 skipped\); set a larger callbacks\.cascade_ap\.images$",
    ):
        CascadeAP(source, by_hand, images=2)
    assert validate(CascadeAP(source, by_hand, images=3)) == {"val/ap": 1.0}


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_numbers_without_sense_are_refused(count: Any, tmp_path: Path) -> None:
    source = Pictures(SHOWN)
    message = f"must be a whole number, 1 or more, not {count}"
    with pytest.raises(ValueError, match=f"^images {message}"):
        CascadeAP(source, by_hand, images=count)
    with pytest.raises(ValueError, match=f"^images {message}"):
        RenderDetections(source, by_hand, tmp_path, images=count)
    with pytest.raises(ValueError, match=f"^every_n_epochs {message}"):
        RenderDetections(source, by_hand, tmp_path, every_n_epochs=count)
    with pytest.raises(ValueError, match=f"^patches {message}"):
        PatchSheet(tmp_path, patches=count)
