"""The official ground truth: the files as they are, and what is said of missing and broken ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from mtcnn_lit.metrics import WiderFaceTruth
from mtcnn_lit.sources import SourceError


def column(cells: list[Any]) -> np.ndarray:
    """A MATLAB column of cells."""
    array = np.empty((len(cells), 1), dtype=object)
    array[:, 0] = cells
    return array


def write(folder: Path, easy: list[int] | None = None) -> None:
    """Two events of two and one pictures."""
    first, second = np.array([[10, 20, 30, 40], [0, 0, 8, 9]], np.int32), np.array([[1, 2, 3, 4]], np.int32)
    boxes = column([column([first, np.zeros((0, 4), np.int32)]), column([second])])
    files = column([column(["0_Parade_1", "0_Parade_2"]), column(["3_Riot_1"])])
    events = column(["0--Parade", "3--Riot"])
    savemat(
        folder / "wider_face_val.mat",
        {"event_list": events, "file_list": files, "face_bbx_list": boxes},
        appendmat=False,
    )
    for name, counting in {"easy": easy or [], "medium": [1], "hard": [2, 1]}.items():
        nothing = np.zeros((0, 1), np.uint8)
        lists = column([column([np.array(counting, np.uint8)[:, None], nothing]), column([np.array([[1]], np.uint8)])])
        savemat(folder / f"wider_{name}_val.mat", {"gt_list": lists}, appendmat=False)


def test_boxes_become_corners_and_indices_masks(tmp_path: Path) -> None:
    write(tmp_path)
    truth = WiderFaceTruth.load(tmp_path)
    assert list(truth.images) == ["0--Parade/0_Parade_1.jpg", "0--Parade/0_Parade_2.jpg", "3--Riot/3_Riot_1.jpg"]
    boxes, counts = truth["0--Parade/0_Parade_1.jpg"]
    assert boxes.tolist() == [[10, 20, 40, 60], [0, 0, 8, 9]]
    assert counts.tolist() == [[False, False], [True, False], [True, True]]
    assert truth["0--Parade/0_Parade_2.jpg"].boxes.shape == (0, 4)
    assert truth.faces_count == {"easy": 1, "medium": 2, "hard": 3}


def test_it_can_be_restricted_to_some_pictures(tmp_path: Path) -> None:
    write(tmp_path)
    truth = WiderFaceTruth.load(tmp_path)
    assert truth.restricted_to(["3--Riot/3_Riot_1.jpg"]).faces_count == {"easy": 1, "medium": 1, "hard": 1}
    assert truth.restricted_to([]).faces_count == {"easy": 0, "medium": 0, "hard": 0}
    with pytest.raises(SourceError, match=r"no picture '3_Riot_1' in WIDER FACE's ground truth; names are event/file"):
        truth.restricted_to(["3_Riot_1"])


@pytest.mark.parametrize("name", ["face", "easy", "hard"])
@pytest.mark.parametrize("content", [b"", b"no MATLAB file", b"MATLAB 5.0 MAT-file" + bytes(500)])
def test_a_broken_file_is_named_with_the_remedy(tmp_path: Path, name: str, content: bytes) -> None:
    write(tmp_path)
    (tmp_path / f"wider_{name}_val.mat").write_bytes(content)
    with pytest.raises(
        SourceError, match=rf"wider_{name}_val\.mat: not the official list \(\w+\); take the ground_truth"
    ):
        WiderFaceTruth.load(tmp_path)


def test_a_missing_file_or_folder_is_named_with_the_remedy(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "wider_medium_val.mat").unlink()
    with pytest.raises(SourceError, match=r"wider_medium_val\.mat: No such file or directory; take the ground_truth"):
        WiderFaceTruth.load(tmp_path)
    with pytest.raises(SourceError, match="/nowhere: no such folder; take the ground_truth folder of the official"):
        WiderFaceTruth.load("/nowhere")


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    write(tmp_path, easy=[3])  # of two faces
    with pytest.raises(SourceError, match=r"wider_easy_val\.mat: not the official list \(IndexError\)"):
        WiderFaceTruth.load(tmp_path)
    write(tmp_path)
    one = column([column([np.zeros((0, 1), np.uint8)])])
    savemat(tmp_path / "wider_hard_val.mat", {"gt_list": one}, appendmat=False)
    with pytest.raises(SourceError, match=r"wider_hard_val\.mat: not the official list \(ValueError\)"):
        WiderFaceTruth.load(tmp_path)


@pytest.mark.widerface
def test_the_official_lists(widerface_root: Path) -> None:
    truth = WiderFaceTruth.load(widerface_root / "eval_ground_truth")
    assert len(truth.images) == 3226
    assert truth.faces_count == {"easy": 7211, "medium": 13319, "hard": 31958}
    here = {
        path.relative_to(path.parents[1]).as_posix() for path in (widerface_root / "WIDER_val").glob("images/*/*.jpg")
    }
    assert len(truth.restricted_to(here).images) == 163
